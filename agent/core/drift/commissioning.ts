import { Tails } from './tails.js';

/** Rows of a cycle that are added at most, spread over it evenly. */
const rowsOfCycle = 6_200;

/** Fewer rows say nothing about the hundredth part of them. */
const leastRows = 100;

/** Values at each end: enough for the hundredth part of all rows that can come. */
export const keptValues = 64;

/** A silence counts for no more than this share of a cycle. */
const longestStepShare = 0.01;

/** The room between what was seen and a bound, in widths. */
const slack = 0.25;

/** A number is as it was while it is not outside of this. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** What a commissioning has come to, for its file. */
export interface CommissioningState {
  /** Time in which windows came, in milliseconds. */
  readonly elapsedMs: number;
  /** Windows that came, and those of them that were added. */
  readonly windows: number;
  readonly rows: number;
  /** One for each number. */
  readonly tails: readonly Pick<Tails, 'least' | 'greatest'>[];
}

/**
 * Learns what the numbers of a source are over one whole cycle, on the device itself: bounds a quarter of their range
 * beyond the first and the last hundredth. Rows are thinned evenly over the cycle, so that the memory does not depend
 * on its length: exact up to 6,200 rows, and beyond it the ranks of 6,200 rows of the same cycle (the standard
 * deviation of the share that lies beyond a quantile is then 0.13 points of 1). Adding allocates nothing.
 */
export class Commissioning {
  readonly #cycleMs: number;
  readonly #tails: readonly Tails[];
  #elapsedMs: number;
  #windows: number;
  #rows: number;
  #lastMs: number | undefined;

  constructor(cycleMs: number, numbers: number, before?: CommissioningState) {
    this.#cycleMs = cycleMs;
    this.#elapsedMs = before?.elapsedMs ?? 0;
    this.#windows = before?.windows ?? 0;
    this.#rows = before?.rows ?? 0;
    this.#tails = Array.from({ length: numbers }, (_, number) => {
      const ends = before?.tails[number];
      return ends === undefined ? new Tails(keptValues) : Tails.of(keptValues, this.#rows, ends);
    });
  }

  /** Takes the numbers of a window. @param nowMs monotonic time; that of an earlier run is another one */
  add(numbers: Float64Array, nowMs: number): void {
    const sinceMs = this.#lastMs === undefined ? 0 : nowMs - this.#lastMs;
    this.#elapsedMs += Math.min(sinceMs, longestStepShare * this.#cycleMs);
    this.#lastMs = nowMs;
    this.#windows++;
    if (this.#rows > rowsOfCycle * Math.min(1, this.#elapsedMs / this.#cycleMs)) return;
    // Plain loops: iterators would allocate in each window.
    for (let number = 0; number < numbers.length; number++) {
      if (!Number.isFinite(numbers[number])) return;
    }
    this.#rows++;
    for (let number = 0; number < numbers.length; number++) {
      this.#tails[number]?.add(numbers[number] ?? 0);
    }
  }

  /** Whether one whole cycle was seen. */
  get isOver(): boolean {
    return this.#elapsedMs >= this.#cycleMs && this.#rows >= leastRows;
  }

  /** How many windows come in a time, by those that came; in milliseconds. */
  windowsIn(spanMs: number): number {
    return (this.#windows * spanMs) / Math.max(1, this.#elapsedMs);
  }

  /** The bounds of each number. @param leastWidth of a number, below which its range is not taken to be */
  bounds(leastWidth: (number: number) => number): readonly Bounds[] {
    return this.#tails.map((tails, number) => boundsOf(tails, leastWidth(number)));
  }

  /** What was learned so far; valid until the next window. */
  get state(): CommissioningState {
    const { filled } = this.#tails[0] ?? { filled: 0 };
    return {
      elapsedMs: this.#elapsedMs,
      windows: this.#windows,
      rows: this.#rows,
      tails: this.#tails.map(({ least, greatest }) => ({
        least: least.subarray(0, filled),
        greatest: greatest.subarray(0, filled),
      })),
    };
  }
}

/** [q1 - w / 4, q99 + w / 4], where w is the width between the two. */
export function boundsOf(tails: Tails, leastWidth: number): Bounds {
  const [first, last] = [tails.quantile(0.01) ?? -Infinity, tails.quantile(0.99) ?? Infinity];
  const width = Math.max(last - first, leastWidth);
  return { low: first - slack * width, high: last + slack * width };
}
