import { limits } from '../../../protocol/limits.js';
import type { WindowShape } from '../../../protocol/documents/pipeline.js';
import type { Instant } from '../effect.js';
import { type Tasks, wait, Signal, type Process } from '../process.js';
import type { Rejection } from '../../../protocol/result.js';
import type { Answer, LoadedRelease } from './loaded-release.js';
import { PendingWindows, type CompletedWindow, type PendingWindow } from './pending-windows.js';
import { sameResize, sameShape, Window } from './window.js';

/** What the slot has to say about the answers. */
export interface ServerListener {
  /** How long a model of the release may take for a window, in milliseconds. */
  deadlineMs(release: LoadedRelease): number;
  /** A window was answered. `answer.scores` is lent for the call, `values` is the listener's. */
  answered(
    release: LoadedRelease,
    answer: Answer,
    window: CompletedWindow,
    values: Float32Array,
  ): void;
  /** A window was taken, and has no answer: a model of the release waits for more windows. `values` is the listener's. */
  waited(release: LoadedRelease, values: Float32Array): void;
  /**
   * The release could not answer. Afterwards the same window goes to whatever is served then; the slot
   * rolls back or loads anew meanwhile. False gives the window up.
   */
  failed(release: LoadedRelease, rejection: Rejection, window: CompletedWindow): Process<boolean>;
  /** A release takes so long for a window that those behind it are in danger. Told once for each window. */
  crowded(release: LoadedRelease): void;
  /** Windows got no answer, first and last of them: too much was waiting, or the slot gave them up. */
  dropped(from: number, to: number): void;
}

/** How often a window is tried: with the release that failed, with its successor, and once more. */
const attemptLimit = 3;

/** Where windows have waited for so many periods, there is still time to do something about it. */
const crowdedPeriods = 4;

/** A release has done its part where a window takes it less than this share of the period. */
const fairShare = 1 / 2;

/**
 * Answers windows one after the other with the release that is served. Serving another one is a pointer
 * swap between two inferences: no window is lost.
 */
export class Server {
  readonly #tasks: Tasks;
  readonly #listener: ServerListener;
  readonly #now: () => Instant;
  readonly #periodMs: number;
  readonly #pending = new PendingWindows();
  #served: LoadedRelease | undefined;
  /** The release that is at work on a window, since when, and whether that was told to be too long. */
  #answering:
    { readonly release: LoadedRelease; readonly sinceMs: number; told: boolean } | undefined;
  #window: Window | undefined;
  #completed = 0;
  #busy = false;
  #idle = new Signal<void>();

  /**
   * @param periodMs the time between two windows, by the configuration of the slot
   */
  constructor(tasks: Tasks, now: () => Instant, periodMs: number, listener: ServerListener) {
    this.#tasks = tasks;
    this.#now = now;
    this.#periodMs = periodMs;
    this.#listener = listener;
  }

  get served(): LoadedRelease | undefined {
    return this.#served;
  }

  /** The shape of the windows that are gathered; undefined before a release is served. */
  get shape(): WindowShape | undefined {
    return this.#window?.shape;
  }

  /** Windows that were complete since the start. */
  get completed(): number {
    return this.#completed;
  }

  /** Windows without an answer so far. */
  get pending(): number {
    return this.#pending.length + (this.#busy ? 1 : 0);
  }

  /**
   * Serves another release from the next inference on. One with windows of the same shape loses no sample;
   * before one with another shape, complete windows are answered by the release they were made for, and
   * the samples of that time belong to none: a release that cannot keep up would never be through with them.
   */
  *serve(release: LoadedRelease): Process<void> {
    const shape = release.manifest.pipeline.window;
    if (this.#window === undefined || !sameShape(this.#window.shape, shape)) {
      const before = this.#window;
      this.#window = undefined;
      try {
        yield* this.settled();
        this.#window = new Window(shape);
      } finally {
        // Where the release is withdrawn meanwhile, all stays as it was.
        this.#window ??= before;
      }
    }
    this.#served = release;
  }

  /**
   * Serves another release, or none, at once, from within a failed answer: windows of another shape get no
   * answer any more.
   *
   * @param isMissed whether one is to be had again where there is none now: windows go on being made, and are dropped
   */
  replace(release: LoadedRelease | undefined, isMissed: boolean): void {
    this.#served = release;
    const shape = release?.manifest.pipeline.window;
    if (shape === undefined) {
      if (!isMissed) this.#window = undefined;
    } else if (this.#window === undefined || !sameShape(this.#window.shape, shape)) {
      this.#window = new Window(shape);
    }
  }

  /** Takes samples as they come; before a release is served they are nobody's. */
  push(values: Float32Array): void {
    if (this.#window === undefined) return;
    const at = this.#now();
    // A message of many windows comes once in as many periods: until the next one there is time for all of them.
    const untilMs = at.monotonicMs + this.#window.completedBy(values.length) * this.#periodMs;
    const { resize } = this.#window.shape;
    const dropped = new Dropped();
    this.#window.push(values, (window, place) => {
      this.#completed++;
      const completed = { number: this.#completed, at, place };
      this.#pending.add({ ...completed, untilMs, values: window.slice(), resize }, (each) => {
        dropped.add(each);
      });
    });
    this.#dropLate(dropped);
    dropped.tell(this.#listener);
    this.#tellIfCrowded(at.monotonicMs);
    if (!this.#busy && this.#pending.length > 0) this.#tasks.run(this.#answerAll());
  }

  /** Gives up the window that was begun; false where there is none. */
  discardBegun(): boolean {
    return this.#window?.discard() ?? false;
  }

  /** Gives up all windows that wait, because the device is about to stop. */
  giveUp(): void {
    const dropped = new Dropped();
    for (let next = this.#pending.take(); next !== undefined; next = this.#pending.take()) {
      dropped.add(next);
    }
    dropped.tell(this.#listener);
  }

  /** A model that is slower than its source loses the oldest windows. */
  #dropLate(dropped: Dropped): void {
    this.#pending.dropLate(this.#now().monotonicMs, (each) => {
      dropped.add(each);
    });
  }

  /** Before windows are lost behind a release, somebody is told. */
  #tellIfCrowded(nowMs: number): void {
    const answering = this.#answering;
    if (answering === undefined || answering.told) return;
    const waitedMs = nowMs - (this.#pending.oldestMs ?? nowMs);
    const inDanger =
      waitedMs >= crowdedPeriods * this.#periodMs || this.#pending.bytes > limits.pendingBytes / 2;
    if (!inDanger || nowMs - answering.sinceMs < fairShare * this.#periodMs) return;
    answering.told = true;
    this.#listener.crowded(answering.release);
  }

  /** Waits until no inference is under way, so that an instance can be unloaded. */
  *settled(): Process<void> {
    if (this.#busy) yield* wait(this.#idle);
  }

  *#answerAll(): Process<void> {
    this.#busy = true;
    this.#idle = new Signal();
    for (let next = this.#pending.take(); next !== undefined; next = this.#pending.take()) {
      if (!(yield* this.#answer(next))) this.#listener.dropped(next.number, next.number);
      // Also where nothing comes any more: an answer that is late by many periods helps nobody.
      const dropped = new Dropped();
      this.#dropLate(dropped);
      dropped.tell(this.#listener);
    }
    this.#busy = false;
    this.#idle.give();
  }

  *#answer(window: PendingWindow): Process<boolean> {
    for (let attempt = 1; attempt <= attemptLimit; attempt++) {
      const release = this.#served;
      if (release === undefined || !fits(release, window)) return false;
      this.#answering = { release, sinceMs: this.#now().monotonicMs, told: false };
      const deadlineMs = this.#listener.deadlineMs(release);
      const answer = yield* release.answer(window.values, window.place, deadlineMs);
      this.#answering = undefined;
      if (answer.ok) {
        if (answer.value === undefined) this.#listener.waited(release, window.values);
        else this.#listener.answered(release, answer.value, window, window.values);
        return true;
      }
      if (!(yield* this.#listener.failed(release, answer.rejection, window))) return false;
    }
    return false;
  }
}

/** Windows that are dropped one after the other: the oldest go first, so that their numbers have no gap. */
class Dropped {
  #from: number | undefined;
  #to = 0;

  add({ number }: CompletedWindow): void {
    this.#from ??= number;
    this.#to = number;
  }

  tell(listener: ServerListener): void {
    if (this.#from !== undefined) listener.dropped(this.#from, this.#to);
  }
}

function fits(release: LoadedRelease, window: PendingWindow): boolean {
  const { frames, channels, resize } = release.manifest.pipeline.window;
  return window.values.length === frames * channels && sameResize(resize, window.resize);
}
