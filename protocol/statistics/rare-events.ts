import {
  confidenceSequence,
  logEValue,
  logEValueAbove,
  lowerBound,
  upperBound,
  type BernoulliCounts,
} from './beta-binomial.js';
import type { Interval } from './interval.js';

/**
 * Evidence about events that are rare, such as crashes, watchdog resets and exhausted arenas (Lindon and
 * Malek, arXiv 2011.03567). Given that an event happened, it happened to a treated device with chance
 * θ = r w / (r w + 1 - w), where r is the ratio of rates treated : control and w the treated share of the
 * exposure. How often events happen drops out: the time of day, the weather and the season may change it
 * at will, as long as they change it for both arms.
 *
 * Exact for Poisson counts, conservative for one event per device at most: 0.1% false alarms of 5% promised
 * where half the devices have it. The share w must not change within the counts; a step of a ramp begins new
 * counts, whose log e-values add up. Events count from a burn-in after activation on, unless the control
 * activated too.
 */

/** Events so far; of each device the first only. */
export interface EventCounts {
  readonly treated: number;
  readonly control: number;
}

/** What is compared, fixed before the first event. */
export interface EventComparison {
  /** w, the share of the device-hours that is treated, in (0, 1). */
  readonly treatedShare: number;
  /** κ of `beta-binomial.ts`, for the number of events that is planned for. */
  readonly concentration: number;
}

/** θ, the chance that the next event is a treated device's at the rate ratio r, and so the null of the test. */
export function treatedChance(rateRatio: number, treatedShare: number): number {
  const treated = rateRatio * treatedShare;
  return treated / (treated + 1 - treatedShare);
}

/** The log e-value against "the rate of the treated is at most `rateRatio` times that of the control". */
export function logEValueOfExcess(
  events: EventCounts,
  rateRatio: number,
  { treatedShare, concentration }: EventComparison,
): number {
  return logEValueAbove(outcomes(events), treatedChance(rateRatio, treatedShare), concentration);
}

/** The log e-value against a rate ratio of exactly `rateRatio`, for {@link rateRatioInterval}. */
export function logEValueOfRatio(
  events: EventCounts,
  rateRatio: number,
  { treatedShare, concentration }: EventComparison,
): number {
  return logEValue(outcomes(events), treatedChance(rateRatio, treatedShare), concentration);
}

/** The confidence sequence of the rate ratio; `upper` is Infinity while the control could have no events at all. */
export function rateRatioInterval(
  events: EventCounts,
  alpha: number,
  { treatedShare, concentration }: EventComparison,
): Interval {
  const theta = confidenceSequence(outcomes(events), alpha, concentration);
  return {
    lower: rateRatioOf(theta.lower, treatedShare),
    upper: rateRatioOf(theta.upper, treatedShare),
  };
}

/** The rate ratio is larger than this, with one-sided level alpha at all times at once. */
export function rateRatioLowerBound(
  events: EventCounts,
  alpha: number,
  { treatedShare, concentration }: EventComparison,
): number {
  return rateRatioOf(lowerBound(outcomes(events), alpha, concentration), treatedShare);
}

/** The rate ratio is smaller than this, with one-sided level alpha at all times at once. */
export function rateRatioUpperBound(
  events: EventCounts,
  alpha: number,
  { treatedShare, concentration }: EventComparison,
): number {
  return rateRatioOf(upperBound(outcomes(events), alpha, concentration), treatedShare);
}

/**
 * The smallest number of treated events that is harm at level alpha beside so many control events: a row of
 * the table that people can hang on the wall.
 */
export function eventsToStop(
  controlEvents: number,
  rateRatio: number,
  alpha: number,
  comparison: EventComparison,
): number {
  let treated = 1;
  while (
    logEValueOfExcess({ treated, control: controlEvents }, rateRatio, comparison) <
    Math.log(1 / alpha)
  ) {
    treated++;
  }
  return treated;
}

function outcomes({ treated, control }: EventCounts): BernoulliCounts {
  return { successes: treated, n: treated + control };
}

/** The inverse of {@link treatedChance}; division by zero is the Infinity that is meant. */
function rateRatioOf(theta: number, treatedShare: number): number {
  return ((theta / (1 - theta)) * (1 - treatedShare)) / treatedShare;
}
