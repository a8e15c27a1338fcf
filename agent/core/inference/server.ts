import type { WindowShape } from '../../../protocol/documents/pipeline.js';
import { type Tasks, wait, Signal, type Process } from '../process.js';
import type { Rejection } from '../../../protocol/result.js';
import type { Answer, LoadedRelease } from './loaded-release.js';
import { sameShape, Window } from './window.js';

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
  /**
   * The release could not answer. Afterwards the same window goes to whatever is served then; the slot
   * rolls back or loads anew meanwhile. False gives the window up.
   */
  failed(release: LoadedRelease, rejection: Rejection): Process<boolean>;
  /** So many windows wait behind the answer of a release that some will soon be dropped. */
  crowded(release: LoadedRelease): void;
  /** A window got no answer: too many were waiting, or the slot gave it up. */
  dropped(window: CompletedWindow): void;
}

/** A window that waits for its answer. */
export interface CompletedWindow {
  /** Counted from 1 since the start of the device. */
  readonly number: number;
  /** The wall clock at its end. */
  readonly wallMs: number;
}

interface PendingWindow extends CompletedWindow {
  readonly values: Float32Array;
}

/** How often a window is tried: with the release that failed, with its successor, and once more. */
const attemptLimit = 3;

/** Windows that may wait at a time: a model that is slower than its sensor loses the oldest. */
const pendingLimit = 8;

/** From so many on there is still time to do something about it. */
const crowdedFrom = pendingLimit / 2;

/**
 * Answers windows one after the other with the release that is served. Serving another one is a pointer
 * swap between two inferences: no window is lost.
 */
export class Server {
  readonly #tasks: Tasks;
  readonly #listener: ServerListener;
  readonly #pending: PendingWindow[] = [];
  #served: LoadedRelease | undefined;
  /** The release that is at work on a window. */
  #answering: LoadedRelease | undefined;
  #window: Window | undefined;
  #completed = 0;
  #busy = false;
  #idle = new Signal<void>();

  constructor(tasks: Tasks, listener: ServerListener) {
    this.#tasks = tasks;
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
   */
  replace(release: LoadedRelease | undefined): void {
    this.#served = release;
    const shape = release?.manifest.pipeline.window;
    if (shape === undefined) this.#window = undefined;
    else if (this.#window === undefined || !sameShape(this.#window.shape, shape)) {
      this.#window = new Window(shape);
    }
  }

  /** Takes samples as they come; before a release is served they are nobody's. */
  push(values: Float32Array, wallMs: number): void {
    this.#window?.push(values, (window) => {
      this.#completed++;
      if (this.#pending.length >= pendingLimit) {
        const oldest = this.#pending.shift();
        if (oldest !== undefined) this.#listener.dropped(oldest);
      }
      this.#pending.push({ number: this.#completed, wallMs, values: window.slice() });
      if (this.#answering !== undefined && this.#pending.length >= crowdedFrom) {
        this.#listener.crowded(this.#answering);
      }
    });
    if (!this.#busy && this.#pending.length > 0) this.#tasks.run(this.#answerAll());
  }

  /** Waits until no inference is under way, so that an instance can be unloaded. */
  *settled(): Process<void> {
    if (this.#busy) yield* wait(this.#idle);
  }

  *#answerAll(): Process<void> {
    this.#busy = true;
    this.#idle = new Signal();
    for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) {
      if (!(yield* this.#answer(next))) this.#listener.dropped(next);
    }
    this.#busy = false;
    this.#idle.give();
  }

  *#answer(window: PendingWindow): Process<boolean> {
    for (let attempt = 1; attempt <= attemptLimit; attempt++) {
      const release = this.#served;
      if (release === undefined || !fits(release, window)) return false;
      this.#answering = release;
      const answer = yield* release.answer(window.values, this.#listener.deadlineMs(release));
      this.#answering = undefined;
      if (answer.ok) {
        this.#listener.answered(release, answer.value, window, window.values);
        return true;
      }
      if (!(yield* this.#listener.failed(release, answer.rejection))) return false;
    }
    return false;
  }
}

function fits(release: LoadedRelease, window: PendingWindow): boolean {
  const { frames, channels } = release.manifest.pipeline.window;
  return window.values.length === frames * channels;
}
