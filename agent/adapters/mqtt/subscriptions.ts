import type { Message, SubscribeOptions } from '../../ports/transport.js';
import { matchesFilter } from './topic-filter.js';

type Listener = (message: Message) => void;

interface Entry {
  readonly listener: Listener;
  readonly options: SubscribeOptions;
}

/** Who listens to which topics in one session: any number to each. */
export class Subscriptions {
  /** By exact topic. */
  readonly #topics = new Map<string, Set<Entry>>();
  /** By filter with `+`; devices have none, an operator may watch a whole fleet by one. */
  readonly #filters = new Map<string, Set<Entry>>();

  /**
   * Adds a listener to an exact topic, or to a filter with `+`. The returned function removes it, and says
   * whether it was the last one in this session: then the broker is to be told.
   */
  add(topic: string, listener: Listener, options: SubscribeOptions = {}): () => boolean {
    const entry = { listener, options };
    const all = topic.includes('+') ? this.#filters : this.#topics;
    const others = all.get(topic);
    if (others === undefined) all.set(topic, new Set([entry]));
    else others.add(entry);
    return () => {
      const present = all.get(topic);
      if (present?.delete(entry) !== true || present.size > 0) return false;
      all.delete(topic);
      return true;
    };
  }

  /** Hands a message to all who listen, except to those who leave, or join, because of it. */
  deliver(message: Message): void {
    for (const listeners of this.#of(message.topic)) {
      for (const entry of [...listeners]) if (listeners.has(entry)) entry.listener(message);
    }
  }

  /** Whether anybody listens to a topic. */
  hears(topic: string): boolean {
    return this.#of(topic).length > 0;
  }

  /** The largest payload that a listener of a topic reads; undefined where none says so. */
  maxBytesOf(topic: string): number | undefined {
    let most: number | undefined;
    for (const listeners of this.#of(topic)) {
      for (const { options } of listeners) {
        if (options.maxBytes !== undefined) most = Math.max(most ?? 0, options.maxBytes);
      }
    }
    return most;
  }

  /** The session is over. */
  clear(): void {
    for (const all of [this.#topics, this.#filters]) {
      for (const listeners of all.values()) listeners.clear();
      all.clear();
    }
  }

  #of(topic: string): readonly Set<Entry>[] {
    const exact = this.#topics.get(topic);
    const found = exact === undefined ? [] : [exact];
    for (const [filter, listeners] of this.#filters) {
      if (matchesFilter(filter, topic)) found.push(listeners);
    }
    return found;
  }
}
