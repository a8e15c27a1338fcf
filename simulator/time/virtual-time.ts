import type { Schedule } from '../../agent/ports/scheduler.js';
import { EventHeap, type TimedEvent } from './event-heap.js';
import { periodOf, type Lane } from './lane.js';

/** Something that was asked for. */
interface WakeUp extends TimedEvent {
  dueMs: number;
  order: number;
  /** Undefined where it was cancelled, or has happened. */
  task: (() => void) | undefined;
  readonly life: Life;
  readonly lane: number;
  readonly of: TimeLane;
}

/** What was asked for between two stops of a lane. */
interface Life {
  isOver: boolean;
}

/** More than a lane has, or sends on one way. */
const mostEvents = 2 ** 32;

/** What comes from others does not end with a lane's life: the receiver says whether it is still there. */
const always: Life = { isOver: false };

/** Below this many cancelled events the heap is not looked through for them. */
const fewCancelled = 1_000;

/**
 * Time that passes only by what happens in it. All events of a run come in one order: by instant, by lane, and
 * by age within a lane. What an event sets off at its own instant is carried through before the next event.
 */
export class VirtualTime {
  readonly #heap = new EventHeap<WakeUp>();
  readonly #soon: (() => void)[] = [];
  #nowMs = 0;
  #cancelled = 0;
  #events = 0;
  #natives = false;
  #inside: Lane | undefined;

  /** Milliseconds since the beginning of the run. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** The lane whose event happens right now; undefined between two, and while native promises are carried through. */
  get inside(): Lane | undefined {
    return this.#inside;
  }

  /** Calls what a lane has asked for. Used by the lanes. */
  call(lane: Lane, task: () => void): void {
    this.#inside = lane;
    try {
      task();
    } finally {
      this.#inside = undefined;
    }
  }

  /** When the next event is due; undefined where there is none. */
  get nextMs(): number | undefined {
    if (this.#soon.length > 0) return this.#nowMs;
    // What was cancelled must not be seen: how long it stays in the heap depends on what else is there.
    for (let next = this.#heap.first; next !== undefined; next = this.#heap.first) {
      if (next.task !== undefined && !next.life.isOver) return next.dueMs;
      this.#heap.pop();
    }
    return undefined;
  }

  /** How many events have happened. */
  get events(): number {
    return this.#events;
  }

  /**
   * Makes a lane.
   *
   * @param isNative whether native promises wait for what happens there, as the operator's do: then they are carried
   *   through after each event
   */
  createLane(index: number, isNative = false): Lane {
    return new TimeLane(this, index, isNative);
  }

  /** Adds an event. Used by the lanes. */
  add(event: WakeUp): void {
    this.#heap.push(event);
  }

  /** An event was cancelled, and is still in the heap. Used by the lanes. */
  cancelled(): void {
    if (++this.#cancelled < Math.max(fewCancelled, this.#heap.size / 2)) return;
    this.#cancelled = 0;
    this.#heap.keep(({ task, life }) => task !== undefined && !life.isOver);
  }

  /** Does something at this instant, after all that is to be done at it so far. Used by the lanes. */
  soon(task: () => void): void {
    this.#soon.push(task);
  }

  /** Native promises may have settled: they are carried through before time goes on. */
  expectNatives(): void {
    this.#natives = true;
  }

  /** Carries through what was asked for at this instant. */
  async settle(): Promise<void> {
    do {
      this.#drain();
      this.#natives = false;
      // All microtasks run before the next turn of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.#soon.length > 0);
  }

  /**
   * Lets time pass until an instant, which counts.
   *
   * @param goesOn asked after each event; the run ends early, at that event, where it says no
   */
  async run(untilMs: number, goesOn: () => boolean = () => true): Promise<void> {
    for (;;) {
      this.#drain();
      if (this.#natives) {
        await this.settle();
        continue;
      }
      if (!goesOn()) return;
      const next = this.#heap.first;
      if (next === undefined || next.dueMs > untilMs) break;
      this.#happen(next);
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** Lets time pass up to an instant, which does not count. */
  async runTo(endMs: number): Promise<void> {
    while (!this.advance(endMs)) await this.settle();
  }

  /** The same at once. False: it has stopped where native promises may have settled, which are to be carried through first. */
  advance(endMs: number): boolean {
    for (;;) {
      this.#drain();
      if (this.#natives) return false;
      const next = this.#heap.first;
      if (next === undefined || next.dueMs >= endMs) break;
      this.#happen(next);
    }
    this.#nowMs = Math.max(this.#nowMs, endMs);
    return true;
  }

  #happen(next: WakeUp): void {
    this.#heap.pop();
    const { task } = next;
    if (task === undefined || next.life.isOver) return;
    next.task = undefined;
    this.#nowMs = next.dueMs;
    this.#events++;
    next.of.call(task);
  }

  #drain(): void {
    // More may be added meanwhile.
    for (let i = 0; i < this.#soon.length; i++) this.#soon[i]?.();
    this.#soon.length = 0;
  }
}

class TimeLane implements Lane {
  readonly index: number;
  readonly #time: VirtualTime;
  readonly #isNative: boolean;
  #order = 0;
  #life: Life = { isOver: false };

  constructor(time: VirtualTime, index: number, isNative: boolean) {
    this.#time = time;
    this.index = index;
    this.#isNative = isNative;
  }

  after(delayMs: number, wake: () => void): () => void {
    const dueMs = this.#time.nowMs + Math.max(0, delayMs);
    const event = this.#add(dueMs, this.#order++, this.#life, wake);
    return () => {
      this.#cancel(event);
    };
  }

  arrive(atMs: number, from: number, count: number, take: () => void): void {
    // Who was first is not for the machine to say that carries the run out: own events first, then by sender.
    this.#add(atMs, (from + 1) * mostEvents + count, always, take);
  }

  cron(schedule: Schedule, wake: () => void): () => void {
    const periodMs = periodOf(schedule);
    let isOver = false;
    // One event for all times: it is put in again as often as it has happened.
    const task = (): void => {
      event.dueMs = this.#time.nowMs + periodMs;
      event.order = this.#order++;
      event.task = task;
      this.#time.add(event);
      wake();
    };
    const firstMs = this.#time.nowMs + (1 + (schedule.share ?? 0)) * periodMs;
    const event = this.#add(firstMs, this.#order++, this.#life, task);
    return () => {
      if (!isOver) this.#cancel(event);
      isOver = true;
    };
  }

  #add(dueMs: number, order: number, life: Life, task: () => void): WakeUp {
    const event: WakeUp = { dueMs, lane: this.index, order, life, task, of: this };
    this.#time.add(event);
    return event;
  }

  #cancel(event: WakeUp): void {
    if (event.task === undefined) return;
    event.task = undefined;
    this.#time.cancelled();
  }

  soon(task: () => void): void {
    const life = this.#life;
    this.#time.soon(() => {
      if (!life.isOver) this.call(task);
    });
  }

  stop(): void {
    this.#life.isOver = true;
    this.#life = { isOver: false };
  }

  /** Calls what was asked for. Used by time. */
  call(task: () => void): void {
    if (this.#isNative) this.#time.expectNatives();
    this.#time.call(this, task);
  }
}
