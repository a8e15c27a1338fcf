import { matchesFilter } from '../../agent/adapters/mqtt/topic-filter.js';

/** Who subscribes to what: exact topics by a map, and the few filters with `+` one by one. */
export class TopicIndex<S> {
  readonly #exact = new Map<string, Set<S>>();
  readonly #filters = new Map<string, Set<S>>();

  add(topic: string, subscriber: S): void {
    const all = this.#mapOf(topic);
    const present = all.get(topic);
    if (present === undefined) all.set(topic, new Set([subscriber]));
    else present.add(subscriber);
  }

  remove(topic: string, subscriber: S): void {
    const all = this.#mapOf(topic);
    const present = all.get(topic);
    present?.delete(subscriber);
    if (present?.size === 0) all.delete(topic);
  }

  /** All who subscribe to a topic, each once. */
  of(topic: string): Iterable<S> {
    const exact = this.#exact.get(topic);
    let found: Set<S> | undefined;
    for (const [filter, subscribers] of this.#filters) {
      if (!matchesFilter(filter, topic)) continue;
      found ??= new Set(exact);
      for (const each of subscribers) found.add(each);
    }
    return found ?? exact ?? [];
  }

  #mapOf(topic: string): Map<string, Set<S>> {
    return topic.includes('+') ? this.#filters : this.#exact;
  }
}
