import type { Message } from '../../ports/transport.js';

type Listener = (message: Message) => void;

/** Who listens to which topics in one session: any number to each. */
export class Subscriptions {
  readonly #listeners = new Map<string, Set<{ readonly listener: Listener }>>();

  /**
   * Adds a listener to an exact topic, or to a filter with `+`. The returned function removes it, and says
   * whether it was the last one in this session: then the broker is to be told.
   */
  add(topic: string, listener: Listener): () => boolean {
    const entry = { listener };
    const others = this.#listeners.get(topic);
    if (others === undefined) this.#listeners.set(topic, new Set([entry]));
    else others.add(entry);
    return () => {
      const present = this.#listeners.get(topic);
      if (present?.delete(entry) !== true || present.size > 0) return false;
      this.#listeners.delete(topic);
      return true;
    };
  }

  /** Hands a message to all who listen, except to those who leave, or join, because of it. */
  deliver(message: Message): void {
    for (const listeners of this.#of(message.topic)) {
      for (const entry of [...listeners]) if (listeners.has(entry)) entry.listener(message);
    }
  }

  /** The session is over. */
  clear(): void {
    for (const listeners of this.#listeners.values()) listeners.clear();
    this.#listeners.clear();
  }

  /** Devices subscribe to exact topics; an operator may watch a whole fleet by a filter with `+`. */
  #of(topic: string): readonly Set<{ readonly listener: Listener }>[] {
    const exact = this.#listeners.get(topic);
    const found = exact === undefined ? [] : [exact];
    for (const [filter, listeners] of this.#listeners) {
      if (filter.includes('+') && matches(filter, topic)) found.push(listeners);
    }
    return found;
  }
}

/** Whether a topic matches a filter whose only wildcards are single levels (MQTT 5, 4.7.1.3). */
function matches(filter: string, topic: string): boolean {
  const levels = topic.split('/');
  const wanted = filter.split('/');
  return (
    levels.length === wanted.length &&
    wanted.every((level, i) => level === '+' || level === levels[i])
  );
}
