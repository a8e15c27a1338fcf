import { Outbox } from '../../agent/adapters/mqtt/outbox.js';
import { Subscriptions } from '../../agent/adapters/mqtt/subscriptions.js';
import { Suspects } from '../../agent/adapters/mqtt/suspects.js';
import { limits } from '../../protocol/limits.js';
import { accept, refuse, type Rejection, type Result } from '../../protocol/result.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';
import type {
  Message,
  Spool,
  SubscribeOptions,
  Traffic,
  Transport,
  TransportListener,
} from '../../agent/ports/transport.js';

export interface MemoryTransportOptions {
  readonly scheduler: Scheduler;
  readonly spoolBytes: number;
}

/** What the transport of a simulated device can do besides. */
export interface MemoryTransport extends Transport {
  /** Ends the session without a goodbye and never comes back, as a device does that loses its power. */
  sever(): void;
}

/** How long a device waits until it tries again. */
const retryMs = 1_000;

/** What a packet would have besides topic and payload: header, lengths, packet identifier. */
const overheadBytes = 8;

/** Where a broker in memory claims to be. */
const address = 'memory://broker';

/** Messages of one session that may be under way to the broker. */
const window = 20;

/**
 * An MQTT broker in memory, as far as the transport port can see one: QoS 1, clean sessions, exact
 * topics, retained messages, wills.
 *
 * Everything is answered and delivered later than it was asked for, never from within the call, and in
 * order. A subscription is acknowledged before what is retained is delivered. A session that ends without
 * a goodbye has its will published; while the broker is down nothing is accepted, published or lost.
 */
export class MemoryBroker {
  /** What is retained, by topic. A test may put anything here: it is what the next subscriber gets. */
  readonly retained = new Map<string, Uint8Array>();
  /** Topics on which nothing is accepted, as a broker of MQTT 5 can say. A test may put anything here. */
  readonly forbidden = new Set<string>();
  /** Topics that nobody may subscribe. */
  readonly unreadable = new Set<string>();
  readonly #sessions = new Set<Session>();
  readonly #observe: (message: Message) => void;
  #up = true;

  /** @param observe called with each message that the broker accepts, in order */
  constructor(observe: (message: Message) => void) {
    this.#observe = observe;
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** Makes the transport of one device. */
  createTransport(options: MemoryTransportOptions): MemoryTransport {
    return new BrokerTransport(this, options);
  }

  /** Ends all sessions and accepts none until {@link start}; what is retained stays. */
  stop(): void {
    this.#up = false;
    for (const session of [...this.#sessions]) this.end(session, false);
  }

  start(): void {
    this.#up = true;
  }

  /** Ends all sessions, which may begin again at once. Their wills are published. */
  cutSessions(): void {
    for (const session of [...this.#sessions]) this.end(session, true);
  }

  /** Used by the transports of this file. */
  begin(session: Session): void {
    this.#sessions.add(session);
  }

  /** Used by the transports of this file. */
  end(session: Session, withWill: boolean): void {
    if (!this.#sessions.delete(session)) return;
    session.ended(refuse('session-ended', 'the broker closed the connection').rejection);
    if (withWill && session.will !== undefined) this.publish(session.will);
  }

  /** Ends a session with a goodbye: its will is forgotten. Used by the transports of this file. */
  leave(session: Session): void {
    this.#sessions.delete(session);
  }

  /** Publishes a message as any client could. */
  publish(message: Message): void {
    if (message.retained) {
      // An empty retained message removes what is retained (MQTT 3.1.1, 3.3.1.3).
      if (message.payload.length === 0) this.retained.delete(message.topic);
      else this.retained.set(message.topic, message.payload.slice());
    }
    this.#observe(message);
    for (const session of this.#sessions) session.deliver(message.topic, message.payload);
  }
}

interface Session {
  readonly will: Message | undefined;
  deliver(topic: string, payload: Uint8Array, retained?: boolean): void;
  ended(rejection: Rejection): void;
}

/** One device's end of its sessions. */
class BrokerTransport implements MemoryTransport {
  readonly #broker: MemoryBroker;
  readonly #scheduler: Scheduler;
  readonly #suspects: Suspects;
  readonly #outbox: Outbox;
  readonly #subscriptions = new Subscriptions();
  #listener: TransportListener | undefined;
  #will: ((connection: number) => Message) | undefined;
  #session: Session | undefined;
  #connections = 0;
  #receivedBytes = 0;
  #closed = false;

  constructor(broker: MemoryBroker, { scheduler, spoolBytes }: MemoryTransportOptions) {
    this.#broker = broker;
    this.#scheduler = scheduler;
    this.#suspects = new Suspects(scheduler, () => {
      this.#flush();
    });
    this.#outbox = new Outbox(spoolBytes, this.#suspects);
  }

  get spool(): Spool {
    const { waitingBytes, dropped } = this.#outbox;
    return { waitingBytes, dropped };
  }

  /** Messages come whole here. */
  get traffic(): Traffic {
    return { receivedBytes: this.#receivedBytes, packetBytes: 0 };
  }

  open(listener: TransportListener, will?: (connection: number) => Message): void {
    this.#listener = listener;
    this.#will = will;
    queueMicrotask(() => {
      this.#attempt();
    });
  }

  publish(message: Message, done?: (result: Result<void>) => void): void {
    this.#outbox.add(message, done);
    this.#flush();
  }

  subscribe(
    topic: string,
    onMessage: (message: Message) => void,
    done: (result: Result<void>) => void,
    options?: SubscribeOptions,
  ): () => void {
    const session = this.#session;
    const leave = session && this.#subscriptions.add(topic, onMessage, options);
    queueMicrotask(() => {
      if (session === undefined || this.#session !== session) {
        done(refuse('session-ended', `${topic}: there is no session`));
        return;
      }
      if (this.#broker.unreadable.has(topic)) {
        done(refuse('subscription-refused', topic));
        return;
      }
      done(accept(undefined));
      const payload = this.#broker.retained.get(topic);
      if (payload !== undefined) session.deliver(topic, payload, true);
    });
    return () => void leave?.();
  }

  async close(): Promise<void> {
    // With each turn some of what waits is acknowledged, or there is no session.
    do await Promise.resolve();
    while (this.#session !== undefined && !this.#outbox.isEmpty);
    if (this.#session !== undefined) this.#broker.leave(this.#session);
    this.#closed = true;
    this.#session = undefined;
    this.#suspects.close();
    this.#outbox.close({ code: 'session-ended', detail: 'ended by this side' });
  }

  sever(): void {
    this.#closed = true;
    if (this.#session !== undefined) this.#broker.end(this.#session, true);
  }

  #attempt(): void {
    if (this.#closed || this.#session !== undefined) return;
    if (!this.#broker.isUp) {
      this.#lost(refuse('broker-unreachable', 'the broker is down').rejection);
      return;
    }
    const session: Session = {
      will: this.#will?.(this.#connections + 1),
      deliver: (topic, payload, retained = false) => {
        this.#later(session, () => {
          if (this.#subscriptions.hears(topic)) this.#receivedBytes += payload.length;
          this.#deliver({ topic, payload: payload.slice(), retained });
        });
      },
      ended: (rejection) => {
        this.#session = undefined;
        this.#subscriptions.clear();
        const kind = { isTelling: true, wasSteady: true };
        this.#outbox.sessionEnded(this.#suspects.sessionEnded(kind).condemned);
        this.#lost(rejection);
      },
    };
    this.#session = session;
    this.#broker.begin(session);
    this.#connections++;
    this.#listener?.connected({ protocol: 5, connection: this.#connections, broker: address });
    this.#flush();
  }

  /** What is too large for its topic is skipped, as a guard does on a connection. */
  #deliver(message: Message): void {
    const { topic, payload } = message;
    if (!this.#subscriptions.hears(topic)) return;
    const packetBytes = payload.length + topic.length + overheadBytes;
    const own = this.#subscriptions.maxBytesOf(topic);
    const limitBytes = own ?? limits.packetBytes;
    if ((own === undefined ? packetBytes : payload.length) <= limitBytes)
      this.#subscriptions.deliver(message);
    else this.#listener?.skipped?.({ topic, bytes: payload.length, limitBytes });
  }

  #lost(rejection: Rejection): void {
    if (this.#closed) return;
    this.#listener?.disconnected(rejection, { broker: address, nextTryMs: retryMs });
    this.#scheduler.after(retryMs, () => {
      this.#attempt();
    });
  }

  #flush(): void {
    const session = this.#session;
    if (session === undefined) return;
    for (const { message, settle } of this.#outbox.takeUpTo(window)) {
      this.#later(session, () => {
        const { topic } = message;
        if (this.#broker.forbidden.has(topic)) {
          settle(refuse('publish-refused', `${topic}: not authorised`));
        } else {
          this.#broker.publish(message);
          settle(accept(undefined));
        }
        this.#flush();
      });
    }
  }

  /** Does something soon, if the session is still the same then. */
  #later(session: Session, what: () => void): void {
    queueMicrotask(() => {
      if (this.#session === session) what();
    });
  }
}
