import net from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { Rejection } from '../../../protocol/result.js';
import type { SkippedMessage, Traffic } from '../../ports/transport.js';
import { PacketGuard, type PacketLimits } from './packet-guard.js';

/** PEM files as bytes. */
export interface TlsMaterial {
  readonly ca?: Uint8Array | undefined;
  readonly cert?: Uint8Array | undefined;
  readonly key?: Uint8Array | undefined;
}

/** What exceeds the limits is skipped, or ends the connection, before it is buffered. */
export interface ConnectionOptions extends PacketLimits {
  /** `mqtt:` or `mqtts:`. */
  readonly url: URL;
  readonly tls: TlsMaterial | undefined;
}

export interface ConnectionListener {
  /** The connection stands, with TLS where it is wanted: from now on a broker could have spoken. */
  opened(): void;
  /** What ended the connection, where it was more than a close; the stream closes afterwards. */
  failed(rejection: Rejection): void;
  /** So many bytes came in, of whatever. */
  received(bytes: number): void;
  /** Bytes went out. */
  sent(): void;
  /** A message was too large for its topic; the connection goes on. */
  skipped(message: SkippedMessage): void;
}

/** Bytes that are read from a socket at a time. */
const readBytes = 16_384;

/** Ways in which a connection is cut by the other side, no less than by an orderly end. */
const cuts: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

/**
 * One TCP or TLS connection with a guard on what comes in. Never emits `error`: the listener is told, and
 * the stream closes. Never throws.
 */
export class Connection extends Duplex {
  readonly #socket: net.Socket;
  readonly #guard: PacketGuard;
  readonly #listener: ConnectionListener;
  #opened = false;
  #receivedBytes = 0;
  #wantsMore = true;
  /** Something was read, and whatever else is due has not had its turn yet. */
  #isResting = false;
  #isGathering = false;

  constructor(options: ConnectionOptions, listener: ConnectionListener) {
    // What was received before a close is still read; the socket decides when both sides are done.
    super({ autoDestroy: false });
    this.#listener = listener;
    this.#guard = new PacketGuard(options, {
      read: (bytes) => {
        // What is read next takes the same place.
        this.#wantsMore = this.push(Buffer.from(bytes));
      },
      skipped: (message) => {
        listener.skipped(message);
      },
    });
    this.#socket = this.#connect(options);
    this.#socket.on('error', (error) => {
      const rejection = this.#rejectionOf(error, options.url.protocol === 'mqtts:');
      if (rejection !== undefined) this.#listener.failed(rejection);
    });
    this.#socket.on('close', () => {
      if (this.readableEnded || this.destroyed) this.destroy();
      else {
        this.once('end', () => this.destroy());
        this.push(null);
      }
    });
  }

  get traffic(): Traffic {
    return { receivedBytes: this.#receivedBytes, packetBytes: this.#guard.packetUnderWay };
  }

  /** What is written in this turn of the event loop goes out together: a call to the system takes longer than a packet. */
  gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.cork();
    setImmediate(() => {
      this.#isGathering = false;
      this.uncork();
    });
  }

  override _read(): void {
    this.#wantsMore = true;
    if (!this.#isResting) this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#listener.sent();
    // A failed write is followed by `error` or `close` of the socket, which say it better.
    this.#socket.write(chunk, () => {
      done();
    });
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), '', done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(_error: Error | null, done: (error: null) => void): void {
    this.#socket.destroy();
    done(null);
  }

  #connect({ url, tls: material }: ConnectionOptions): net.Socket {
    const secure = url.protocol === 'mqtts:';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const port = url.port === '' ? (secure ? 8883 : 1883) : Number(url.port);
    // One buffer for all reads: what is skipped leaves nothing behind for the garbage collector, which takes its time.
    const buffer = Buffer.alloc(readBytes);
    const callback = (bytes: number): boolean => this.#receive(buffer.subarray(0, bytes));
    const reading = { onread: { buffer, callback } };
    try {
      const socket = secure
        ? tls.connect({ host, port, ...reading, ...secrets(material), ...serverName(host) })
        : net.connect({ host, port, ...reading });
      socket.setNoDelay(true);
      socket.once(secure ? 'secureConnect' : 'connect', () => {
        this.#opened = true;
        this.#listener.opened();
      });
      return socket;
    } catch (error) {
      // Certificates and keys that cannot be parsed are found out here.
      this.#listener.failed({ code: 'tls-failed', detail: (error as Error).message });
      return new net.Socket().destroy();
    }
  }

  /** Takes what came; false, because all else has its turn before the next read. */
  #receive(chunk: Buffer): boolean {
    this.#receivedBytes += chunk.length;
    this.gather();
    this.#listener.received(chunk.length);
    const refusal = this.#guard.take(chunk);
    if (refusal !== undefined) {
      this.#listener.failed(refusal);
      this.destroy();
      return false;
    }
    this.#rest();
    return false;
  }

  /**
   * From a socket that is always full, libuv reads 32 times before it looks at anything else. Under a flood that takes
   * so long that inferences, each of which needs a turn of the event loop for its answer, fall behind their source.
   */
  #rest(): void {
    this.#isResting = true;
    setImmediate(() => {
      this.#isResting = false;
      if (this.#wantsMore) this.#socket.resume();
    });
  }

  /** Undefined where the error says no more than that the connection is closed. */
  #rejectionOf(error: Error, secure: boolean): Rejection | undefined {
    const code = 'code' in error ? error.code : undefined;
    if (this.#opened && cuts.has(code)) return undefined;
    // Errors of the network come from a call to the system, those of TLS do not.
    const ofTls = secure && (!('syscall' in error) || code === 'EPROTO');
    return { code: ofTls ? 'tls-failed' : 'broker-unreachable', detail: error.message };
  }
}

/** A name, not an address, is sent to the server and checked against its certificate (RFC 6066, 3). */
function serverName(host: string): { servername?: string } {
  return net.isIP(host) === 0 ? { servername: host } : {};
}

function secrets({ ca, cert, key }: TlsMaterial = {}): tls.ConnectionOptions {
  return {
    ...(ca && { ca: asBuffer(ca) }),
    ...(cert && { cert: asBuffer(cert) }),
    ...(key && { key: asBuffer(key) }),
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
