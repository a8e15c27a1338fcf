import { lastWhere } from './bisection.js';

/**
 * What is known about the mean of losses that lie in [-B, B], at every look at once: bets with eight fixed
 * stakes (Waudby-Smith and Ramdas, arXiv 2010.09686, with a mixture in place of a strategy). Each factor of a
 * bet is positive and has mean 1 at most under the hypothesis, so that the wealth ever reaches 1/alpha with a
 * chance of at most alpha (Ville). In a complete round of units with different means, (1 - x) <= exp(-x)
 * makes that true of their average: a fixed fleet of unlike devices has one.
 *
 * The stakes never change, so that the value depends on the set of losses only: order does not matter, there is
 * no state, and what is known of several devices is added up, or taken away again, as eight logarithms.
 */

/** A loss, and how many units have it: units with the same loss are counted, not listed. */
export interface LossCount {
  /** Of -1 (the challenger alone was right) to 1 (the champion alone was). What lies beyond B counts as B. */
  readonly loss: number;
  readonly count: number;
}

/** One logarithm of wealth for each stake. Those of several sets of units are added, or subtracted, one by one. */
export type BetSums = readonly number[];

const stakes = [0.9, 0.45, 0.225, 0.1125, 0.05625, 0.028125, 0.0140625, 0.00703125];
/** Bounds are kept to 12 digits. */
const halvings = 42;
const logWeights = [1, 2, 3, 4, 5, 6, 7, 7].map((power) => -power * Math.LN2);

/** The eight logarithms against "the mean is at least m", -B < m < B. None are eight zeros. */
export function betsAgainstAtLeast(losses: Iterable<LossCount>, m: number, bound = 1): BetSums {
  const sums = stakes.map(() => 0);
  for (const { loss, count } of losses) {
    const beyond = (Math.max(-bound, Math.min(bound, loss)) - m) / (bound - m);
    // A loop by index: bounds ask this some hundred times for each look.
    for (let j = 0; j < stakes.length; j++) {
      sums[j] = (sums[j] ?? 0) + count * Math.log1p(-(stakes[j] ?? 0) * beyond);
    }
  }
  return sums;
}

/** The eight logarithms against "the mean is at most m". */
export function betsAgainstAtMost(losses: Iterable<LossCount>, m: number, bound = 1): BetSums {
  return betsAgainstAtLeast(mirrored(losses), -m, bound);
}

/** The log e-value of eight logarithms: that of their mixture. */
export function logWealth(sums: BetSums): number {
  const terms = sums.map((sum, j) => sum + (logWeights[j] ?? -Infinity));
  const most = Math.max(...terms);
  return most + Math.log(terms.reduce((total, term) => total + Math.exp(term - most), 0));
}

/** The mean is smaller, at all times at once, with level alpha; B where nothing is certain. */
export function upperMean(losses: readonly LossCount[], alpha: number, bound = 1): number {
  const limit = Math.log(1 / alpha);
  const rejected = (m: number): boolean => logWealth(betsAgainstAtLeast(losses, m, bound)) >= limit;
  return lastWhere(rejected, bound, -bound, halvings);
}

/** The mean is larger, at all times at once, with level alpha; -B where nothing is certain. */
export function lowerMean(losses: readonly LossCount[], alpha: number, bound = 1): number {
  return -upperMean(mirrored(losses), alpha, bound);
}

function mirrored(losses: Iterable<LossCount>): readonly LossCount[] {
  return [...losses].map(({ loss, count }) => ({ loss: -loss, count }));
}
