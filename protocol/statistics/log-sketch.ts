/** What sketches must agree on to be merged; fixed for a fleet. */
export interface LogSketchShape {
  /** The relative error of a quantile, in (0, 1), such as 0.02. */
  readonly relativeError: number;
  /** Magnitudes below this count as zero; positive, in the metric's unit. */
  readonly least: number;
  /** Magnitudes above this count as this. */
  readonly most: number;
}

/**
 * Quantiles of latencies, energies and sizes: integer counts in bins (γ^(k-1), γ^k] with
 * γ = (1 + e) / (1 - e), after DDSketch (Masson et al., arXiv 1908.10693). Negative values have bins of their
 * own, by magnitude. The declared range bounds the bins (350 at 2% from 1 µs to 1 s) without any folding
 * that would depend on the order of merges: sketches of one shape add up exactly, in any order.
 *
 * A logarithm may round differently on another engine, which can move a value that lies on the edge of two
 * bins; whoever derives a verdict again starts from the counts.
 */
export class LogSketch {
  readonly shape: LogSketchShape;
  /** Counts by k of positive values; a bin without values is absent. */
  readonly positive = new Map<number, number>();
  /** Counts by k of the magnitudes of negative values. */
  readonly negative = new Map<number, number>();
  zero = 0;
  /** Values that were NaN. */
  notNumbers = 0;
  readonly #logGamma: number;

  constructor(shape: LogSketchShape) {
    this.shape = shape;
    this.#logGamma = Math.log((1 + shape.relativeError) / (1 - shape.relativeError));
  }

  /** How many values are in a bin: all but NaN. */
  get count(): number {
    return this.zero + total(this.positive) + total(this.negative);
  }

  add(value: number): void {
    const magnitude = Math.min(Math.abs(value), this.shape.most);
    if (Number.isNaN(value)) this.notNumbers++;
    else if (magnitude < this.shape.least) this.zero++;
    else increase(value > 0 ? this.positive : this.negative, this.#key(magnitude), 1);
  }

  /** Adds the counts of another one; its shape must be the same. */
  merge(other: LogSketch): void {
    const { relativeError, least, most } = this.shape;
    const theirs = other.shape;
    if (theirs.relativeError !== relativeError || theirs.least !== least || theirs.most !== most)
      throw new Error('the shapes of sketches differ');
    for (const [key, count] of other.positive) increase(this.positive, key, count);
    for (const [key, count] of other.negative) increase(this.negative, key, count);
    this.zero += other.zero;
    this.notNumbers += other.notNumbers;
  }

  /**
   * The value of rank q (count - 1), 0 <= q <= 1, to the relative error where it is within the range;
   * undefined where there are no values.
   */
  quantile(q: number): number | undefined {
    if (this.count === 0) return undefined;
    const rank = q * (this.count - 1);
    let counted = 0;
    for (const [value, count] of this.#ascending()) {
      counted += count;
      if (counted > rank) return value;
    }
    return undefined;
  }

  /** The upper edge of the bin of a positive value in range: a threshold at which {@link countAbove} is exact. */
  upperEdge(value: number): number {
    return Math.exp(this.#key(value) * this.#logGamma);
  }

  /** How many values exceed {@link upperEdge} of the value, with no error at all. */
  countAbove(value: number): number {
    const key = this.#key(value);
    let above = 0;
    for (const [each, count] of this.positive) if (each > key) above += count;
    return above;
  }

  #key(magnitude: number): number {
    return Math.ceil(Math.log(magnitude) / this.#logGamma);
  }

  /** The middle of each bin in the sense of the relative error, 2 γ^k / (1 + γ), with its count. */
  #ascending(): readonly (readonly [value: number, count: number])[] {
    const middle = (key: number): number =>
      (2 * Math.exp(key * this.#logGamma)) / (1 + Math.exp(this.#logGamma));
    return [
      ...sorted(this.negative)
        .reverse()
        .map(([key, count]) => [-middle(key), count] as const),
      [0, this.zero],
      ...sorted(this.positive).map(([key, count]) => [middle(key), count] as const),
    ];
  }
}

function sorted(bins: ReadonlyMap<number, number>): [number, number][] {
  return [...bins].sort(([a], [b]) => a - b);
}

function total(bins: ReadonlyMap<number, number>): number {
  let sum = 0;
  for (const count of bins.values()) sum += count;
  return sum;
}

function increase(bins: Map<number, number>, key: number, count: number): void {
  bins.set(key, (bins.get(key) ?? 0) + count);
}
