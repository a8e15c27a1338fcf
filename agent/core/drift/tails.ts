/**
 * The least and the greatest values of a row, for its quantiles near the ends: exact as long as not more values lie
 * outside a quantile than are kept. Its memory is taken once; adding allocates nothing.
 */
export class Tails {
  /** Ascending, `kept` of them; the first `filled` count. */
  readonly least: Float64Array;
  /** Descending. */
  readonly greatest: Float64Array;
  #count: number;

  /** @param kept values at each end */
  constructor(kept: number) {
    this.least = new Float64Array(kept);
    this.greatest = new Float64Array(kept);
    this.#count = 0;
  }

  /** Takes up what an earlier run has kept: so many values were added, the ends as they were. */
  static of(kept: number, count: number, ends: Pick<Tails, 'least' | 'greatest'>): Tails {
    const tails = new Tails(kept);
    tails.least.set(ends.least);
    tails.greatest.set(ends.greatest);
    tails.#count = count;
    return tails;
  }

  /** Values that were added. */
  get count(): number {
    return this.#count;
  }

  /** Values that are kept at each end. */
  get filled(): number {
    return Math.min(this.#count, this.least.length);
  }

  /** Adds a finite number. */
  add(value: number): void {
    insert(this.least, this.filled, value, 1);
    insert(this.greatest, this.filled, value, -1);
    this.#count++;
  }

  /** The value with floor(q count) others below it, 0 <= q < 1; undefined where it is not among those that are kept. */
  quantile(q: number): number | undefined {
    const below = Math.floor(q * this.#count);
    const above = this.#count - 1 - below;
    if (below < this.filled) return this.least[below];
    return above < this.filled ? this.greatest[above] : undefined;
  }
}

/** Puts a value in its place among the first `filled`, in ascending order of `sign * value`; the last falls out where there is no room. */
function insert(kept: Float64Array, filled: number, value: number, sign: 1 | -1): void {
  let at = filled;
  if (filled === kept.length) {
    if (sign * value >= sign * (kept[filled - 1] ?? 0)) return;
    at--;
  }
  for (; at > 0 && sign * (kept[at - 1] ?? 0) > sign * value; at--) kept[at] = kept[at - 1] ?? 0;
  kept[at] = value;
}
