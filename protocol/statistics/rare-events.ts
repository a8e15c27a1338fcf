import { logEValueAbove } from './beta-binomial.js';

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

/** The log e-value against "the rate ratio is at most r": ln(1 / alpha) is certain at this level, at all times at once. */
export function logEValueOfExcess(
  { treated, control }: EventCounts,
  ratio: number,
  { treatedShare, concentration }: EventComparison,
): number {
  const weight = ratio * treatedShare;
  const theta = weight / (weight + 1 - treatedShare);
  return logEValueAbove({ successes: treated, n: treated + control }, theta, concentration);
}
