import net from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import { MqttClient, type IClientOptions } from 'mqtt';
import { accept, refuse, type Rejection, type Result } from '../../core/result.js';
import type { Message } from '../../ports/transport.js';
import { PacketGuard } from './packet-guard.js';

/** Where and how a session is opened. */
export interface SessionOptions {
  readonly url: URL;
  readonly protocol: 4 | 5;
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly tls: TlsMaterial | undefined;
  /** Larger packets end the session before they are buffered. */
  readonly packetBytes: number;
  readonly will: Message | undefined;
}

/** PEM files as bytes. */
export interface TlsMaterial {
  readonly ca?: Uint8Array | undefined;
  readonly cert?: Uint8Array | undefined;
  readonly key?: Uint8Array | undefined;
}

/** How an attempt, or a session, came to its end. */
export interface SessionEnd {
  readonly rejection: Rejection;
  /** The broker does not speak this version of MQTT: it said so, or closed without a word. */
  readonly versionRefused: 'said' | 'closed' | undefined;
}

export interface SessionListener {
  /** CONNACK came; `window` messages may be under way at a time. */
  opened(window: number): void;
  message(message: Message): void;
  /** Called exactly once. */
  ended(end: SessionEnd): void;
}

const connectTimeoutMs = 10_000;
const keepaliveS = 30;

/** Publishes under way at a time; MQTT 5 brokers may allow fewer (Receive Maximum, MQTT 5, 3.3.4). */
const publishWindow = 16;

/** The code of an unacceptable protocol version in CONNACK of MQTT 3.1.1 and 5. */
const versionCodes: ReadonlySet<number> = new Set([1, 0x84]);

/** One MQTT session over one connection, clean at its start; never reconnects. The only user of MQTT.js. */
export class MqttSession {
  readonly #client: MqttClient;
  readonly #listener: SessionListener;
  #stream: Duplex | undefined;
  #connected = false;
  #socketOpened = false;
  #ended = false;
  /** The first thing that went wrong: what follows it is a consequence. */
  #cause: SessionEnd | undefined;

  constructor(options: SessionOptions, listener: SessionListener) {
    this.#listener = listener;
    this.#client = new MqttClient(() => this.#connect(options), clientOptions(options));
    this.#client.on('connect', ({ properties }) => {
      this.#connected = true;
      this.#listener.opened(Math.min(publishWindow, properties?.receiveMaximum ?? publishWindow));
    });
    this.#client.on('message', (topic, payload, { retain }) => {
      this.#listener.message({ topic, payload, retained: retain });
    });
    this.#client.on('disconnect', ({ reasonCode }) => {
      this.#fail(reasonCode === 0x8e ? takenOver : brokerEnded(reasonCode));
    });
    // Without a listener an error would end the process.
    this.#client.on('error', (error) => {
      this.#fail(this.#rejectionOf(error), isVersionError(error) ? 'said' : undefined);
    });
    this.#client.on('close', () => {
      const closedEarly = this.#socketOpened && !this.#connected;
      this.#fail(
        this.#connected
          ? { code: 'session-ended', detail: 'the connection was closed' }
          : { code: 'broker-unreachable', detail: 'the connection was closed before CONNACK' },
        closedEarly ? 'closed' : undefined,
      );
    });
  }

  publish({ topic, payload, retained }: Message, done: (result: Result<void>) => void): void {
    this.#client.publish(topic, asBuffer(payload), { qos: 1, retain: retained }, (error) => {
      // What a lost session took with it is sent again; only the broker's word is a refusal.
      if (error == null) done(accept(undefined));
      else if (!this.#ended) done(refuse('publish-refused', `${topic}: ${error.message}`));
    });
  }

  subscribe(topic: string, done: (result: Result<void>) => void): void {
    this.#client.subscribe(topic, { qos: 1 }, (error, granted) => {
      const qos = granted?.[0]?.qos ?? 128;
      if (error === null && qos < 128) done(accept(undefined));
      else done(refuse('subscription-refused', `${topic}: ${error?.message ?? `code ${qos}`}`));
    });
  }

  unsubscribe(topic: string): void {
    this.#client.unsubscribe(topic, () => undefined);
  }

  /** Ends with a DISCONNECT, so that the broker drops the will. */
  close(): void {
    this.#fail({ code: 'session-ended', detail: 'ended by this side' });
    this.#client.end(false);
  }

  #connect({ url, tls: material, packetBytes }: SessionOptions): Duplex {
    const { secure, host, port } = addressOf(url);
    const socket = secure
      ? tls.connect({
          host,
          port,
          ...(net.isIP(host) === 0 && { servername: host }),
          ...(material?.ca && { ca: asBuffer(material.ca) }),
          ...(material?.cert && { cert: asBuffer(material.cert) }),
          ...(material?.key && { key: asBuffer(material.key) }),
        })
      : net.connect({ host, port, noDelay: true });
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      this.#socketOpened = true;
    });
    const guard = new PacketGuard(packetBytes, (bytes) => {
      this.#fail({
        code: 'packet-too-large',
        detail: `a packet of ${bytes} bytes or more, at most ${packetBytes}`,
      });
      socket.destroy();
    });
    // The cause is what the socket says; the pair of streams only says that it was aborted.
    socket.on('error', (error: Error) => {
      this.#fail(this.#rejectionOf(error));
      guard.destroy();
    });
    this.#stream = Duplex.from({ readable: socket.pipe(guard), writable: socket });
    return this.#stream;
  }

  #fail(rejection: Rejection, versionRefused?: SessionEnd['versionRefused']): void {
    if (this.#ended) return;
    this.#cause ??= { rejection, versionRefused };
    this.#ended = true;
    const end = this.#cause;
    // Listeners must not be called from within MQTT.js, which is still putting itself in order.
    queueMicrotask(() => {
      this.#client.end(true);
      this.#stream?.destroy();
      this.#listener.ended(end);
    });
  }

  #rejectionOf(error: Error): Rejection {
    const code = 'code' in error ? error.code : undefined;
    if (typeof code === 'number' && !this.#connected) {
      return { code: connackCodes.get(code) ?? 'connection-refused', detail: error.message };
    }
    if (
      typeof code === 'string' &&
      /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code)
    ) {
      return { code: 'tls-failed', detail: error.message };
    }
    return {
      code: this.#connected ? 'session-ended' : 'broker-unreachable',
      detail: error.message,
    };
  }
}

/** Return codes of MQTT 3.1.1 (3.2.2.3) and reason codes of MQTT 5 (3.2.2.2) that have a cause of their own. */
const connackCodes: ReadonlyMap<number, Rejection['code']> = new Map([
  [1, 'protocol-unsupported'],
  [4, 'credentials-refused'],
  [5, 'not-authorised'],
  [0x84, 'protocol-unsupported'],
  [0x86, 'credentials-refused'],
  [0x87, 'not-authorised'],
]);

const takenOver: Rejection = {
  code: 'session-taken-over',
  detail: 'another client connected with the same id',
};

function brokerEnded(reasonCode: number | undefined): Rejection {
  return { code: 'session-ended', detail: `the broker ended it, reason code ${reasonCode ?? 0}` };
}

function isVersionError(error: Error): boolean {
  return 'code' in error && typeof error.code === 'number' && versionCodes.has(error.code);
}

function addressOf(url: URL): { secure: boolean; host: string; port: number } {
  const secure = url.protocol === 'mqtts:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return { secure, host, port: url.port === '' ? (secure ? 8883 : 1883) : Number(url.port) };
}

function clientOptions(options: SessionOptions): IClientOptions {
  const { will } = options;
  return {
    clientId: options.clientId,
    protocolId: 'MQTT',
    protocolVersion: options.protocol,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: connectTimeoutMs,
    keepalive: keepaliveS,
    queueQoSZero: false,
    resubscribe: false,
    ...(options.username !== undefined && { username: options.username }),
    ...(options.password && { password: asBuffer(options.password) }),
    ...(will && {
      will: { topic: will.topic, payload: asBuffer(will.payload), qos: 1, retain: will.retained },
    }),
    ...(options.protocol === 5 && {
      properties: { sessionExpiryInterval: 0, maximumPacketSize: options.packetBytes },
    }),
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
