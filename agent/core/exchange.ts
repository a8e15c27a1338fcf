import type { Tasks } from './process.js';
import type { Rejection } from '../../protocol/result.js';

/** What to do with one subscribed topic. */
export interface Subscriber {
  /** A message came, possibly for the second time (QoS 1). Others may be given the same bytes: they are not to be changed. */
  message(payload: Uint8Array): void;
  /** The broker has acknowledged the subscription: what it retains is on its way, if there is anything. */
  subscribed?(): void;
  /** The broker refuses the subscription. */
  refused?(rejection: Rejection): void;
}

/**
 * The topics that a device listens to, with any number of listeners to each. Towards the broker a topic is
 * subscribed once, from its first listener to its last. Sessions are clean, so all topics are subscribed anew
 * when a session begins.
 */
export class Exchange {
  readonly #tasks: Tasks;
  readonly #listeners = new Map<string, Set<Listening>>();
  #connected = false;
  #session = 0;

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  /** The number of the present session; undefined where there is none. */
  get session(): number | undefined {
    return this.#connected ? this.#session : undefined;
  }

  /**
   * Listens to one exact topic until the returned function is called. Who joins a topic that is subscribed
   * already is given its retained message too; the others may then get it once more.
   */
  subscribe(topic: string, subscriber: Subscriber): () => void {
    const listening = { subscriber };
    const others = this.#listeners.get(topic);
    if (others === undefined) this.#listeners.set(topic, new Set([listening]));
    else others.add(listening);
    // A subscription that is there already is subscribed again: retained messages are sent anew for each
    // SUBSCRIBE (MQTT 3.1.1, 3.8.4; MQTT 5, 3.8.4), and nothing is missed in between.
    if (this.#connected) this.#send(topic, [listening]);
    return () => {
      this.#leave(topic, listening);
    };
  }

  /** Asks the broker once more for what it retains on a topic that somebody listens to. */
  askAgain(topic: string): void {
    const listeners = this.#listeners.get(topic);
    if (this.#connected && listeners !== undefined) this.#send(topic, [...listeners]);
  }

  /** A session began. `subscribed` is called when the broker has answered for all topics, with their number. */
  begin(subscribed: (topics: number) => void = () => undefined): void {
    this.#connected = true;
    this.#session++;
    const topics = this.#listeners.size;
    let open = topics;
    for (const [topic, listeners] of this.#listeners) {
      this.#send(topic, [...listeners], () => {
        if (--open === 0) subscribed(topics);
      });
    }
  }

  /** The session ended, and with it its subscriptions. */
  end(): void {
    this.#connected = false;
  }

  /** Hands a message to all who listen; the broker may still send some that nobody waits for. */
  deliver(topic: string, payload: Uint8Array): void {
    const listeners = this.#listeners.get(topic) ?? [];
    // Who joins because of this message gets what is retained by its own subscription, and who leaves gets nothing.
    for (const listening of [...listeners]) {
      if (this.#listens(topic, listening)) listening.subscriber.message(payload);
    }
  }

  #leave(topic: string, listening: Listening): void {
    const listeners = this.#listeners.get(topic);
    if (listeners?.delete(listening) !== true || listeners.size > 0) return;
    this.#listeners.delete(topic);
    if (this.#connected) this.#tasks.tell('unsubscribe', { topic });
  }

  #send(
    topic: string,
    listeners: readonly Listening[],
    answered: () => void = () => undefined,
  ): void {
    const session = this.#session;
    this.#tasks.ask('subscribe', { topic }, (result) => {
      // A session that ended meanwhile is no refusal: the next one subscribes again.
      if (session !== this.session) return;
      if (!result.ok && result.rejection.code === 'session-ended') return;
      for (const listening of listeners) {
        if (!this.#listens(topic, listening)) continue;
        if (result.ok) listening.subscriber.subscribed?.();
        else listening.subscriber.refused?.(result.rejection);
      }
      answered();
    });
  }

  #listens(topic: string, listening: Listening): boolean {
    return this.#listeners.get(topic)?.has(listening) === true;
  }
}

/** One listener of a topic; the same subscriber may listen twice. */
interface Listening {
  readonly subscriber: Subscriber;
}
