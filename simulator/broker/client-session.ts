import type {
  OpenSession,
  Session,
  SessionListener,
  SessionOptions,
} from '../../agent/adapters/mqtt/session.js';
import type { Message, Traffic } from '../../agent/ports/transport.js';
import { accept, refuse, type Rejection, type Result } from '../../protocol/result.js';
import { Later } from '../time/later.js';
import type { Lane } from '../time/lane.js';
import type { BrokerPacket } from './packets.js';
import type { Network } from './network.js';

/** How long a client waits for CONNACK, and for an answer to its pings, as the agent's own session does. */
const connectTimeoutMs = 10_000;

type Done = (result: Result<void>) => void;

/** Makes what opens the sessions of one client over its network. */
export function sessionsOver(network: Network, lane: Lane): OpenSession {
  return (options, listener) => new ClientSession(options, listener, network, lane);
}

/** The client's end of a session: the packets of MQTT, without their bytes. */
class ClientSession implements Session {
  readonly #listener: SessionListener;
  readonly #lane: Lane;
  readonly #payloadBytesOf: SessionOptions['payloadBytesOf'];
  readonly #packetBytes: number;
  readonly #connection: ReturnType<Network['connect']>;
  readonly #published = new Map<number, Done>();
  readonly #subscribed = new Map<number, Done>();
  readonly #cancelTimeout: () => void;
  #nextId = 1;
  #receivedBytes = 0;
  #ended = false;

  constructor(options: SessionOptions, listener: SessionListener, network: Network, lane: Lane) {
    const { clientId, protocol, will, packetBytes, payloadBytesOf } = options;
    this.#listener = listener;
    this.#lane = lane;
    this.#packetBytes = packetBytes;
    this.#payloadBytesOf = payloadBytesOf;
    this.#connection = network.connect((packet, bytes) => {
      this.#receivedBytes += bytes;
      this.#take(packet);
    });
    this.#cancelTimeout = lane.after(connectTimeoutMs, () => {
      this.#fail({ code: 'broker-unreachable', detail: 'no answer to CONNECT' });
    });
    this.#connection.send({ kind: 'connect', protocol, clientId, will });
  }

  get traffic(): Traffic {
    return { receivedBytes: this.#receivedBytes, packetBytes: 0 };
  }

  publish(message: Message, done: Done): void {
    const id = this.#nextId++;
    this.#published.set(id, done);
    this.#connection.send({ kind: 'publish', id, message });
  }

  subscribe(topic: string, done: Done): void {
    const id = this.#nextId++;
    this.#subscribed.set(id, done);
    this.#connection.send({ kind: 'subscribe', id, topic });
  }

  unsubscribe(topic: string): void {
    this.#connection.send({ kind: 'unsubscribe', topic });
  }

  close(): PromiseLike<void> {
    if (!this.#ended) this.#connection.send({ kind: 'disconnect' });
    this.#fail({ code: 'session-ended', detail: 'ended by this side' });
    return Later.of(this.#lane, undefined);
  }

  #take(packet: BrokerPacket): void {
    if (this.#ended) return;
    switch (packet.kind) {
      case 'connack':
        this.#cancelTimeout();
        this.#listener.opened(packet.window);
        return;
      case 'puback': {
        const done = this.#published.get(packet.id);
        this.#published.delete(packet.id);
        done?.(answer(packet.refused, 'publish-refused'));
        return;
      }
      case 'suback': {
        const done = this.#subscribed.get(packet.id);
        this.#subscribed.delete(packet.id);
        done?.(answer(packet.refused, 'subscription-refused'));
        return;
      }
      case 'publish':
        this.#connection.send({ kind: 'puback' });
        this.#deliver(packet.message);
        return;
      case 'closed':
        this.#fail(rejectionOf(packet.because), packet.because === 'version' ? 'said' : undefined);
        return;
    }
  }

  /** What is too large for its topic is skipped, as the agent's connection does. */
  #deliver(message: Message): void {
    const { topic, payload } = message;
    const ofTopic = this.#payloadBytesOf(topic);
    const bytes = ofTopic === undefined ? payload.length + topic.length : payload.length;
    const limitBytes = ofTopic ?? this.#packetBytes;
    if (bytes <= limitBytes) this.#listener.message(message);
    else this.#listener.skipped({ topic, bytes: payload.length, limitBytes });
  }

  #fail(rejection: Rejection, versionRefused?: 'said'): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelTimeout();
    this.#connection.close();
    // What was published and is not acknowledged is sent again in the next session, by whoever published it.
    const unanswered = [...this.#subscribed.values()];
    this.#lane.soon(() => {
      for (const done of unanswered) done(refuse('session-ended', rejection.detail));
      this.#listener.ended({ rejection, versionRefused });
    });
  }
}

function answer(refused: boolean | undefined, code: Rejection['code']): Result<void> {
  return refused === true ? refuse(code, 'not authorised') : accept(undefined);
}

function rejectionOf(because: Extract<BrokerPacket, { kind: 'closed' }>['because']): Rejection {
  switch (because) {
    case 'ended':
      return { code: 'session-ended', detail: 'the connection was closed' };
    case 'taken-over':
      return { code: 'session-taken-over', detail: 'another client connected with the same id' };
    case 'unanswered':
      return { code: 'session-unanswered', detail: 'the broker answered no ping' };
    case 'version':
      return { code: 'protocol-unsupported', detail: 'the broker does not speak this version' };
    case 'unreachable':
      return { code: 'broker-unreachable', detail: 'the connection was refused' };
  }
}
