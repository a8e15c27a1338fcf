import { chiSquareAbove, chiSquareQuantile } from './chi-square.js';

/**
 * Has the distribution over bins moved away from its reference? The population stability index, with the
 * limit that sampling alone sets (Yurdakul and Naranjo, Journal of Risk Model Validation 2020): the folk limit
 * of 0.1 alarms for every third hundred of perfectly good values, and sleeps over a million of bad ones.
 *
 * For one look at independent values; a look every day is a test every day, and alpha is to be divided.
 */

/**
 * Σ (q_i - p_i) ln(q_i / p_i) over bins, p of the reference and q of the current counts, each count
 * increased by one half, so that an empty bin is no infinity. Both have the same bins, two at least.
 */
export function populationStability(
  reference: readonly number[],
  current: readonly number[],
): number {
  if (reference.length !== current.length) throw new Error('the bins of the counts differ');
  const p = smoothed(reference);
  const q = smoothed(current);
  return p.reduce((sum, each, i) => {
    const now = q[i] ?? 0;
    return sum + (now - each) * Math.log(now / each);
  }, 0);
}

/**
 * The index that two samples of the same distribution, n and m in size, exceed with the chance alpha:
 * (1/n + 1/m) χ²_{B-1, 1-alpha} for B bins. Infinite where there are no values.
 */
export function populationStabilityLimit(
  n: number,
  m: number,
  bins: number,
  alpha: number,
): number {
  return (1 / n + 1 / m) * chiSquareQuantile(alpha, bins - 1);
}

/** The chance that two samples of the same distribution exceed this index. */
export function populationStabilityPValue(psi: number, n: number, m: number, bins: number): number {
  return chiSquareAbove(psi / (1 / n + 1 / m), bins - 1);
}

function smoothed(counts: readonly number[]): readonly number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => (count + 0.5) / (total + counts.length / 2));
}
