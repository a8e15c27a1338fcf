import { lastWhere } from './bisection.js';
import { logBetaAbove } from './incomplete-beta.js';
import { logBeta } from './log-beta.js';

/**
 * Evidence about the chance p of one kind of outcome, such as "this device crashed", that may be looked at
 * after every observation (Howard et al., arXiv 1810.08240). An e-value is the wealth of somebody who bets
 * against a hypothesis at fair odds: if the hypothesis is true, the wealth ever reaches 1/alpha with a chance
 * of at most alpha (Ville), however often one looks and whenever one stops.
 *
 * Exact for independent outcomes of constant p, one per device. Outcomes of one device over time are not
 * independent: its first event, or none, is the one observation. E-values are natural logarithms here, because
 * wealth may exceed what a double holds.
 */

/** All that the evidence depends on: it can be stored, and parts of it add up. */
export interface BernoulliCounts {
  readonly successes: number;
  /** Observations, successes included. */
  readonly n: number;
}

/**
 * The concentration κ of the beta mixture that gives the narrowest confidence sequence after `optimalN`
 * observations: κ = max(t / (L + ln(1 + L)) - 1, 0.001), L = 2 ln(1/alpha). It steers how soon evidence
 * suffices, not whether it is valid, but must be chosen before the first observation.
 */
export function concentrationFor(optimalN: number, alpha: number): number {
  const l = 2 * Math.log(1 / alpha);
  return Math.max(optimalN / (l + Math.log1p(l)) - 1, 0.001);
}

/**
 * The log e-value against p = p0, 0 < p0 < 1: the likelihood under a Beta(κ p0, κ (1 - p0)) mixture over
 * that under p0,
 * ln B(κ p0 + s, κ (1 - p0) + n - s) - ln B(κ p0, κ (1 - p0)) - s ln p0 - (n - s) ln(1 - p0).
 */
export function logEValue(counts: BernoulliCounts, p0: number, concentration: number): number {
  const { a, b, failures } = mixture(counts, p0, concentration);
  return (
    logBeta(a + counts.successes, b + failures) -
    logBeta(a, b) -
    counts.successes * Math.log(p0) -
    failures * Math.log1p(-p0)
  );
}

/**
 * The log e-value against p <= p0, 0 < p0 < 1: the mixture is cut off below p0, so that all wealth is bet
 * on larger p. It changes the two-sided value by the ratio of the mixture's tails after and before the counts.
 */
export function logEValueAbove(counts: BernoulliCounts, p0: number, concentration: number): number {
  const { a, b, failures } = mixture(counts, p0, concentration);
  return (
    logEValue(counts, p0, concentration) +
    logBetaAbove(p0, a + counts.successes, b + failures) -
    logBetaAbove(p0, a, b)
  );
}

/** The least p that the evidence does not exceed at level alpha: p is larger, at all times at once. */
export function lowerBound(counts: BernoulliCounts, alpha: number, concentration: number): number {
  if (counts.successes === 0) return 0;
  // On the way up from 0 to the observed share, which is never rejected, rejection ends once.
  const rejected = (p: number): boolean =>
    logEValueAbove(counts, p, concentration) >= Math.log(1 / alpha);
  return lastWhere(rejected, 0, counts.successes / counts.n);
}

/** The counterpart of {@link lowerBound}: p is smaller, at all times at once. */
export function upperBound(counts: BernoulliCounts, alpha: number, concentration: number): number {
  return 1 - lowerBound(mirrored(counts), alpha, concentration);
}

/** The same observations with success and failure exchanged. */
function mirrored({ successes, n }: BernoulliCounts): BernoulliCounts {
  return { successes: n - successes, n };
}

function mixture({ successes, n }: BernoulliCounts, p0: number, concentration: number) {
  return { a: concentration * p0, b: concentration * (1 - p0), failures: n - successes };
}
