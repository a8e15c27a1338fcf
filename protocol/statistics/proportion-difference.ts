import { confidenceSequence, type BernoulliCounts } from './beta-binomial.js';
import type { Interval } from './interval.js';

/**
 * A confidence sequence of p_treated - p_control: each arm's own at alpha/2, and their extremes. Slow, but it
 * holds for arms of any size whose devices enter and answer at different times, where sequences of the
 * difference itself do not (Lindon and Kallus, arXiv 2603.25971). Conditions of `beta-binomial.ts` for each arm.
 */
export function differenceInterval(
  treated: BernoulliCounts,
  control: BernoulliCounts,
  alpha: number,
  concentration: number,
): Interval {
  const t = confidenceSequence(treated, alpha / 2, concentration);
  const c = confidenceSequence(control, alpha / 2, concentration);
  return { lower: t.lower - c.upper, upper: t.upper - c.lower };
}
