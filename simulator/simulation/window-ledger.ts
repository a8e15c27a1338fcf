/** What became of windows, in numbers. */
export interface WindowCounts {
  /** Came whole from the sensor to an agent. */
  readonly completed: number;
  /** The broker has their result. */
  readonly answered: number;
  /** Answered, but more than a period after they were complete. */
  readonly late: number;
  /** Given up by the device, which counts them. */
  readonly dropped: number;
  /** Ended by a power cut before the broker had their result. */
  readonly cut: number;
  /** None of these, though a committed release was there. */
  readonly lost: number;
  /** Answered with another class than the true one. */
  readonly wrong: number;
}

/** How long a window may be on its way before it counts as lost, in periods. */
export const gracePeriods = 2;

/** Adds up what became of the windows of several devices. */
export function sumWindows(all: Iterable<WindowCounts>): WindowCounts {
  const sum = { completed: 0, answered: 0, late: 0, dropped: 0, cut: 0, lost: 0, wrong: 0 };
  for (const counts of all)
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += counts[key];
  return sum;
}

/** A result as far as the ledger reads it. */
export interface HeardResult {
  readonly boot: number;
  readonly window: number;
  readonly label?: string | undefined;
  readonly sequence: number;
}

/** What is known of a window besides its result. */
export interface KnownWindow {
  readonly truth: string | undefined;
  /** What another release would have answered, where somebody asked it. */
  readonly other: string | undefined;
}

const fates = { open: 0, published: 1, answered: 2, cut: 3, unserved: 4 } as const;

/** The windows of one device from one boot to the next. */
class Life {
  readonly fate: number[] = [];
  readonly truth: (string | undefined)[] = [];
  readonly atMs: number[] = [];
  /** What another release would have answered, where somebody asked it. */
  readonly other: (string | undefined)[] = [];
  boot: number | undefined;
  /** Windows that the device itself counts as dropped, and those that a model only took in before it answers. */
  dropped = 0;
  waited = 0;
}

/** Follows each window of one device from the sensor to the broker. */
export class WindowLedger {
  readonly #lives: Life[] = [];
  readonly #periodMs: number;
  #answered = 0;
  #late = 0;
  #wrong = 0;

  constructor(periodMs: number) {
    this.#periodMs = periodMs;
  }

  booted(): void {
    this.#lives.push(new Life());
  }

  /**
   * @param isServed whether a committed release is there
   * @param other what another release would have answered
   */
  completed(atMs: number, truth: string | undefined, isServed: boolean, other?: string): void {
    const life = this.#lives.at(-1);
    if (life === undefined) return;
    life.fate.push(isServed ? fates.open : fates.unserved);
    life.truth.push(truth);
    if (other !== undefined) life.other[life.fate.length - 1] = other;
    life.atMs.push(atMs);
  }

  /** The device wants a result published. */
  published({ boot, window }: HeardResult): void {
    const life = this.#lives.at(-1);
    if (life === undefined) return;
    life.boot = boot;
    if (life.fate[window - 1] === fates.open || life.fate[window - 1] === fates.unserved)
      life.fate[window - 1] = fates.published;
  }

  /** The broker has a result. Gives what is true of its window, the first time. */
  accepted(result: HeardResult, atMs: number): KnownWindow | undefined {
    const life = this.#lives.findLast(({ boot }) => boot === result.boot);
    const at = result.window - 1;
    if (life === undefined || life.fate[at] === undefined || life.fate[at] === fates.answered)
      return undefined;
    life.fate[at] = fates.answered;
    this.#answered++;
    if (atMs - (life.atMs[at] ?? 0) > this.#periodMs) this.#late++;
    const truth = life.truth[at];
    if (truth !== undefined && result.label !== truth) this.#wrong++;
    return { truth, other: life.other[at] };
  }

  /** What is true of a window that was published; undefined where nobody knows. */
  truthOf({ boot, window }: Pick<HeardResult, 'boot' | 'window'>): string | undefined {
    return this.#lives.findLast((life) => life.boot === boot)?.truth[window - 1];
  }

  /**
   * What the device counts as without an answer since its boot.
   *
   * @param waited no window's fault: a model, or the mean of scores, had not seen enough of them
   */
  toldUnanswered(dropped: number, waited: number): void {
    const life = this.#lives.at(-1);
    if (life === undefined) return;
    life.dropped = Math.max(life.dropped, dropped);
    life.waited = Math.max(life.waited, waited);
  }

  powerCut(): void {
    const life = this.#lives.at(-1);
    if (life === undefined) return;
    // Which ones the device has dropped, it does not say: the oldest, as it drops them.
    let dropped = life.dropped;
    for (const [i, fate] of life.fate.entries()) {
      if (fate === fates.open && dropped > 0) dropped--;
      else if (fate === fates.open || fate === fates.published) life.fate[i] = fates.cut;
    }
  }

  /**
   * The counts at an instant.
   *
   * @param graceMs so long a window may still be on its way
   */
  counts(atMs: number, graceMs: number): WindowCounts {
    let [completed, dropped, cut, lost] = [0, 0, 0, 0];
    for (const life of this.#lives) {
      let open = 0;
      for (const [i, fate] of life.fate.entries()) {
        completed++;
        if (fate === fates.cut) cut++;
        if (fate === fates.open && (life.atMs[i] ?? 0) < atMs - graceMs) open++;
      }
      dropped += life.dropped;
      lost += Math.max(0, open - life.dropped - life.waited);
    }
    return {
      completed,
      answered: this.#answered,
      late: this.#late,
      dropped,
      cut,
      lost,
      wrong: this.#wrong,
    };
  }
}
