/** Who subscribes to what: exact topics by a map, and the few filters with `+` one by one. */
export class TopicIndex<S> {
  readonly #exact = new Map<string, Set<S>>();
  readonly #filters = new Map<string, Set<S>>();

  /** Whether a topic matches a filter whose only wildcards are single levels (MQTT 5, 4.7.1.3). */
  static matches(filter: string, topic: string): boolean {
    const levels = topic.split('/');
    const wanted = filter.split('/');
    return (
      levels.length === wanted.length &&
      wanted.every((level, i) => level === '+' || level === levels[i])
    );
  }

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
    if (this.#filters.size === 0) return exact ?? [];
    const found = new Set(exact);
    for (const [filter, subscribers] of this.#filters) {
      if (!TopicIndex.matches(filter, topic)) continue;
      for (const each of subscribers) found.add(each);
    }
    return found;
  }

  #mapOf(topic: string): Map<string, Set<S>> {
    return topic.includes('+') ? this.#filters : this.#exact;
  }
}
