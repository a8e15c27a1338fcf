/** Something that happens at an instant of virtual time. */
export interface TimedEvent {
  readonly dueMs: number;
  /** Whose event it is: of one instant those of the lower lane come first. */
  readonly lane: number;
  /** Counts the events of a lane: of one instant and lane the elder comes first. */
  readonly order: number;
}

/** A binary heap: the event that is due first is at its top. */
export class EventHeap<T extends TimedEvent> {
  #events: T[] = [];

  get size(): number {
    return this.#events.length;
  }

  get first(): T | undefined {
    return this.#events[0];
  }

  push(event: T): void {
    const events = this.#events;
    let at = events.length;
    events.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = events[parent];
      if (above === undefined || !isBefore(event, above)) break;
      events[at] = above;
      at = parent;
    }
    events[at] = event;
  }

  /** Takes the first event out. */
  pop(): T | undefined {
    const events = this.#events;
    const first = events[0];
    const last = events.pop();
    if (first !== last && last !== undefined) this.#sink(last);
    return first;
  }

  /** Takes out all events of which this does not say that they are to stay. */
  keep(stays: (event: T) => boolean): void {
    const kept = this.#events.filter(stays);
    this.#events = [];
    for (const event of kept) this.push(event);
  }

  /** Puts an event at the top, and moves it down to its place. */
  #sink(event: T): void {
    const events = this.#events;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      let below = events[child];
      if (below === undefined) break;
      const other = events[child + 1];
      if (other !== undefined && isBefore(other, below)) {
        below = other;
        child++;
      }
      if (!isBefore(below, event)) break;
      events[at] = below;
      at = child;
    }
    events[at] = event;
  }
}

function isBefore(a: TimedEvent, b: TimedEvent): boolean {
  if (a.dueMs !== b.dueMs) return a.dueMs < b.dueMs;
  return a.lane === b.lane ? a.order < b.order : a.lane < b.lane;
}
