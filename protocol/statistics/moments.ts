/**
 * Count, mean and sum of squared deviations of a metric, in three numbers. Values that are not finite are
 * counted and left out: one NaN would otherwise be the mean for ever.
 */
export interface MomentsState {
  readonly count: number;
  readonly mean: number;
  /** The sum of (x - mean)^2, in the square of the metric's unit. */
  readonly m2: number;
  readonly notFinite: number;
}

/** Moments that take values one by one, by Welford's method: it never squares a large mean. */
export class Moments implements MomentsState {
  count = 0;
  mean = 0;
  m2 = 0;
  notFinite = 0;

  add(value: number): void {
    if (!Number.isFinite(value)) {
      this.notFinite++;
      return;
    }
    this.count++;
    const deviation = value - this.mean;
    this.mean += deviation / this.count;
    this.m2 += deviation * (value - this.mean);
  }
}

/** The unbiased variance m2 / (count - 1); undefined below two values. */
export function varianceOf({ count, m2 }: MomentsState): number | undefined {
  return count < 2 ? undefined : m2 / (count - 1);
}

/**
 * The moments of both (Chan, Golub and LeVeque): with d the difference of the means, the mean moves by
 * d n_b / n, and m2 gains d^2 n_a n_b / n. The two are put in order first, so the result is the same to the last
 * bit whichever comes first. Grouping three differently changes it by rounding only.
 */
export function mergeMoments(a: MomentsState, b: MomentsState): MomentsState {
  const [first, second] = inOrder(a, b) <= 0 ? [a, b] : [b, a];
  const count = first.count + second.count;
  const notFinite = first.notFinite + second.notFinite;
  if (first.count === 0) return { ...second, notFinite };
  const difference = second.mean - first.mean;
  return {
    count,
    mean: first.mean + (difference * second.count) / count,
    m2: first.m2 + second.m2 + (difference * difference * first.count * second.count) / count,
    notFinite,
  };
}

/**
 * The moments of all, the same to the last bit in whatever order they arrived: a verdict that rests on them
 * can be derived again.
 */
export function mergeAllMoments(parts: readonly MomentsState[]): MomentsState {
  return parts.toSorted(inOrder).reduce(mergeMoments, new Moments());
}

/** Empty ones come first. */
function inOrder(a: MomentsState, b: MomentsState): number {
  return a.count - b.count || a.mean - b.mean || a.m2 - b.m2;
}
