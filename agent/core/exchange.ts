import type { Tasks } from './process.js';
import type { Rejection } from '../../protocol/result.js';

/** What to do with one subscribed topic. */
export interface Subscriber {
  /** A message came, possibly for the second time (QoS 1). */
  message(payload: Uint8Array): void;
  /** The broker has acknowledged the subscription: what it retains is on its way, if there is anything. */
  subscribed?(): void;
  /** The broker refuses the subscription. */
  refused?(rejection: Rejection): void;
}

/**
 * The topics that a device listens to. Sessions are clean, so all of them are subscribed anew when a
 * session begins.
 */
export class Exchange {
  readonly #tasks: Tasks;
  readonly #subscribers = new Map<string, Subscriber>();
  #connected = false;

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Listens to one exact topic, replacing whoever did before. */
  subscribe(topic: string, subscriber: Subscriber): void {
    this.#subscribers.set(topic, subscriber);
    if (this.#connected) this.#send(topic);
  }

  unsubscribe(topic: string): void {
    if (!this.#subscribers.delete(topic)) return;
    if (this.#connected) this.#tasks.tell('unsubscribe', { topic });
  }

  /** A session began. */
  begin(): void {
    this.#connected = true;
    for (const topic of this.#subscribers.keys()) this.#send(topic);
  }

  /** The session ended, and with it its subscriptions. */
  end(): void {
    this.#connected = false;
  }

  /** Hands a message to whoever listens; the broker may still send some that nobody waits for. */
  deliver(topic: string, payload: Uint8Array): void {
    this.#subscribers.get(topic)?.message(payload);
  }

  #send(topic: string): void {
    const subscriber = this.#subscribers.get(topic);
    this.#tasks.ask('subscribe', { topic }, (result) => {
      if (this.#subscribers.get(topic) !== subscriber) return;
      if (result.ok) subscriber?.subscribed?.();
      // A session that ended meanwhile is no refusal: the next one subscribes again.
      else if (this.#connected) subscriber?.refused?.(result.rejection);
    });
  }
}
