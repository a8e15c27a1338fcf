import { betsAgainstAtLeast, logWealth } from '../../protocol/statistics/mean-bets.js';
import { mostBlocks, mustLeaveOneOut, type PlanTerms } from './plan-terms.js';

/** Scope "devices like these": the first age at which devices are looked at, and its part of alpha. */
const firstAge = { windows: 40, shareOfAlpha: 1 / 2 } as const;

/** No round is safe before the third. */
const leastRounds = 3;

/**
 * Windows of a device after which a challenger that loses nothing at all is safe, at the soonest; undefined where
 * it never is, because no device keeps so many blocks, or no fleet of this size has so many devices.
 */
export function soonestSafeWindows(terms: PlanTerms): number | undefined {
  const { devices, blockWindows, scope } = terms;
  if (scope === 'population') {
    return devices < devicesOfPopulation(terms) ? undefined : firstAge.windows;
  }
  // Any one device is left out.
  const counted = mustLeaveOneOut(devices) ? devices - 1 : devices;
  const rounds = Math.max(leastRounds, Math.ceil(unitsOfNoLoss(terms, terms.alpha) / counted));
  return rounds > mostBlocks ? undefined : rounds * blockWindows;
}

/** So many devices without any loss are needed where the verdict is to speak of others too. */
export function devicesOfPopulation(terms: PlanTerms): number {
  return unitsOfNoLoss(terms, terms.alpha * firstAge.shareOfAlpha);
}

/** Units of no loss until the mean is certainly below the margin. */
function unitsOfNoLoss({ safe }: PlanTerms, alpha: number): number {
  const limit = Math.log(1 / alpha);
  const suffice = (count: number): boolean =>
    logWealth(betsAgainstAtLeast([{ loss: 0, count }], safe)) >= limit;
  let [few, enough] = [0, 1];
  while (!suffice(enough)) [few, enough] = [enough, 2 * enough];
  while (enough - few > 1) {
    const middle = Math.floor((few + enough) / 2);
    if (suffice(middle)) enough = middle;
    else few = middle;
  }
  return enough;
}
