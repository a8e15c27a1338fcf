import { MqttClient, type IClientOptions } from 'mqtt';
import { accept, refuse, type Rejection, type Result } from '../../../protocol/result.js';
import type { Message, SkippedMessage, Traffic } from '../../ports/transport.js';
import { AnswerWatch } from './answer-watch.js';
import { Connection, type ConnectionOptions } from './connection.js';

/** Where and how a session is opened. */
export interface SessionOptions extends ConnectionOptions {
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly will: Message | undefined;
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
  /** A message was too large for its topic. */
  skipped(message: SkippedMessage): void;
  /** Called exactly once. */
  ended(end: SessionEnd): void;
}

/** One MQTT session, clean at its start; never reconnects. */
export interface Session {
  /** What has come in since this session was begun. */
  readonly traffic: Traffic;
  /** Sends at QoS 1; `done` is called with what the broker says, and never where the session ends before. */
  publish(message: Message, done: (result: Result<void>) => void): void;
  /** Subscribes at QoS 1; `done` is called at SUBACK, or with `session-ended`. */
  subscribe(topic: string, done: (result: Result<void>) => void): void;
  unsubscribe(topic: string): void;
  /** Ends with a DISCONNECT, so that the broker drops the will; fulfils when the connection is closed. */
  close(): PromiseLike<void>;
}

/** Begins an attempt: what comes of it is told to the listener, later than this call. */
export type OpenSession = (options: SessionOptions, listener: SessionListener) => Session;

const connectTimeoutMs = 10_000;
const keepaliveS = 30;

/** How long the broker gets to close the connection after a DISCONNECT. */
const goodbyeMs = 1_000;

/** Publishes under way at a time; MQTT 5 brokers may allow fewer (Receive Maximum, MQTT 5, 3.3.4). */
const publishWindow = 16;

/** What a PUBLISH has besides topic and payload, at most: header, lengths, packet id, no properties. */
const publishOverheadBytes = 10;

/** About what a SUBSCRIBE or an UNSUBSCRIBE has besides its topic. */
const requestOverheadBytes = 12;

/** DISCONNECT with nothing to say, the same in MQTT 3.1.1 (3.14) and 5 (3.14.2.1). */
const disconnectPacket = Uint8Array.of(0xe0, 0);

/** The code of an unacceptable protocol version in CONNACK of MQTT 3.1.1 and 5. */
const versionCodes: ReadonlySet<unknown> = new Set([1, 0x84]);

/** A session over a connection of its own. The only user of MQTT.js. */
export class MqttSession implements Session {
  readonly #client: MqttClient;
  readonly #listener: SessionListener;
  #connection: Connection | undefined;
  /** The largest packet that either side takes. */
  #packetBytes: number;
  /** TCP, and TLS where it is wanted, stand: whoever closes now is a broker. */
  #reached = false;
  #connected = false;
  /**
   * Topics whose UNSUBACK is to come, with what is wanted of them next: some brokers work on several packets of a
   * client at a time, and would take the later SUBSCRIBE before the earlier UNSUBSCRIBE.
   */
  readonly #leaving = new Map<string, (() => void)[]>();
  #ended = false;
  /** There from CONNACK to the end of the session. */
  #watch: AnswerWatch | undefined;
  #endWatch = (): void => undefined;

  constructor(options: SessionOptions, listener: SessionListener) {
    this.#listener = listener;
    this.#packetBytes = options.packetBytes;
    this.#client = new MqttClient(() => this.#connect(options), clientOptions(options));
    this.#client.on('connect', ({ properties }) => {
      if (this.#ended) return;
      this.#connected = true;
      this.#packetBytes = Math.min(this.#packetBytes, properties?.maximumPacketSize ?? Infinity);
      this.#watchAnswers(properties?.serverKeepAlive || keepaliveS);
      this.#listener.opened(Math.min(publishWindow, properties?.receiveMaximum ?? publishWindow));
    });
    this.#client.on('message', (topic, payload, { retain }) => {
      if (!this.#ended) this.#listener.message({ topic, payload, retained: retain });
    });
    this.#client.on('packetreceive', ({ cmd }) => {
      if (cmd === 'pingresp') this.#watch?.pingAnswered();
    });
    this.#client.on('disconnect', ({ reasonCode }) => {
      this.#fail(rejectionOfDisconnect(reasonCode ?? 0));
    });
    // Without a listener an error would end the process.
    this.#client.on('error', (error) => {
      const code = 'code' in error ? error.code : undefined;
      this.#fail(this.#rejectionOf(error, code), versionCodes.has(code) ? 'said' : undefined);
    });
    this.#client.on('close', () => {
      this.#fail(
        this.#connected
          ? { code: 'session-ended', detail: 'the connection was closed' }
          : { code: 'broker-unreachable', detail: 'the connection was closed before CONNACK' },
        this.#reached && !this.#connected ? 'closed' : undefined,
      );
    });
  }

  get traffic(): Traffic {
    return this.#connection?.traffic ?? { receivedBytes: 0, packetBytes: 0 };
  }

  publish({ topic, payload, retained }: Message, done: (result: Result<void>) => void): void {
    const bytes = publishOverheadBytes + Buffer.byteLength(topic) + payload.length;
    // Sent all the same, it would end this session, and each one in which it is sent again.
    if (bytes > this.#packetBytes) {
      done(refuse('publish-refused', `${topic}: ${bytes} bytes, at most ${this.#packetBytes}`));
      return;
    }
    const answered = this.#asked(`the message for ${topic}`, bytes);
    this.#connection?.gather();
    this.#client.publish(topic, asBuffer(payload), { qos: 1, retain: retained }, (error) => {
      answered();
      // What a lost session took with it is sent again; only the broker's word is a refusal.
      if (this.#ended || this.#connection?.destroyed) return;
      done(
        error == null ? accept(undefined) : refuse('publish-refused', `${topic}: ${error.message}`),
      );
    });
  }

  subscribe(topic: string, done: (result: Result<void>) => void): void {
    const again = this.#leaving.get(topic);
    if (again !== undefined) {
      again.push(() => {
        this.subscribe(topic, done);
      });
      return;
    }
    const answered = this.#asked(`the subscription of ${topic}`, topic.length);
    this.#client.subscribe(topic, { qos: 1 }, (error, granted) => {
      answered();
      const qos = granted?.[0]?.qos ?? 128;
      if (error === null && qos < 128) done(accept(undefined));
      else if (this.#ended || this.#connection?.destroyed) {
        done(refuse('session-ended', `${topic}: the session ended before SUBACK`));
      } else done(refuse('subscription-refused', `${topic}: ${error?.message ?? `code ${qos}`}`));
    });
  }

  unsubscribe(topic: string): void {
    const again = this.#leaving.get(topic);
    if (again !== undefined) {
      again.push(() => {
        this.unsubscribe(topic);
      });
      return;
    }
    const later: (() => void)[] = [];
    this.#leaving.set(topic, later);
    const answered = this.#asked(`the end of the subscription of ${topic}`, topic.length);
    this.#client.unsubscribe(topic, () => {
      answered();
      this.#leaving.delete(topic);
      for (const act of later) act();
    });
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    // MQTT.js waits with its DISCONNECT until all is acknowledged; who closes has waited long enough.
    if (this.#connected && connection !== undefined && !connection.destroyed) {
      this.#connected = false;
      await new Promise<void>((resolve) => {
        const giveUp = setTimeout(resolve, goodbyeMs);
        connection.once('close', () => {
          clearTimeout(giveUp);
          resolve();
        });
        connection.end(disconnectPacket);
      });
    }
    this.#fail({ code: 'session-ended', detail: 'ended by this side' });
  }

  #connect(options: SessionOptions): Connection {
    this.#connection = new Connection(options, {
      opened: () => {
        this.#reached = true;
      },
      failed: (rejection) => {
        this.#fail(rejection);
      },
      received: (bytes) => this.#watch?.received(bytes),
      sent: () => this.#watch?.sent(),
      skipped: (message) => {
        if (!this.#ended) this.#listener.skipped(message);
      },
    });
    return this.#connection;
  }

  #watchAnswers(keepaliveS: number): void {
    const watch = new AnswerWatch(keepaliveS, {
      ping: () => {
        this.#client.sendPing();
      },
      expired: (rejection) => {
        this.#fail(rejection);
      },
    });
    const timer = setInterval(() => {
      watch.tick();
    }, 1_000);
    this.#watch = watch;
    this.#endWatch = () => {
      clearInterval(timer);
    };
  }

  /** A request of so many bytes besides its header is on its way; call what comes back with its answer. */
  #asked(what: string, bytes: number): () => void {
    return this.#watch?.asked(what, requestOverheadBytes + bytes) ?? (() => undefined);
  }

  /** The first thing that went wrong is the cause: what follows is a consequence. */
  #fail(rejection: Rejection, versionRefused?: SessionEnd['versionRefused']): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#endWatch();
    // Listeners must not be called from within MQTT.js, which is still putting itself in order.
    queueMicrotask(() => {
      this.#client.end(true);
      this.#connection?.destroy();
      this.#listener.ended({ rejection, versionRefused });
    });
  }

  /** What an error of MQTT.js means; those of the connection have come from there already. */
  #rejectionOf({ message }: Error, code: unknown): Rejection {
    if (typeof code === 'number' && !this.#connected) {
      return { code: connackCodes.get(code) ?? 'connection-refused', detail: message };
    }
    if (message === 'connack timeout') return { code: 'broker-unreachable', detail: message };
    return { code: 'packet-invalid', detail: message };
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

/** DISCONNECT of a broker, MQTT 5 only (3.14.2.1). */
function rejectionOfDisconnect(reasonCode: number): Rejection {
  switch (reasonCode) {
    case 0x8e:
      return { code: 'session-taken-over', detail: 'another client connected with the same id' };
    case 0x87:
      return { code: 'not-authorised', detail: 'the broker ended the session for want of rights' };
    default:
      return { code: 'session-ended', detail: `the broker ended it, reason code ${reasonCode}` };
  }
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
    // What is promised to the broker; AnswerWatch keeps it, because MQTT.js gives up a link that is only slow.
    keepalive: keepaliveS,
    timerVariant: { set: () => 0, clear: () => undefined },
    queueQoSZero: false,
    resubscribe: false,
    ...(options.username !== undefined && { username: options.username }),
    ...(options.password && { password: asBuffer(options.password) }),
    ...(will && {
      will: { topic: will.topic, payload: asBuffer(will.payload), qos: 1, retain: will.retained },
    }),
    // No Maximum Packet Size: a broker drops what exceeds it without a word (MQTT 5, 3.1.2.11.4). It is better
    // skipped here, and told.
    ...(options.protocol === 5 && { properties: { sessionExpiryInterval: 0 } }),
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
