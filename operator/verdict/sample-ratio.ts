import { logBetaAbove, logBetaBelow } from '../../protocol/statistics/incomplete-beta.js';
import type { ArmCount } from './evidence.js';
import { per100 } from './words.js';

/** A count that is less likely than this, on either side, is no chance: something chooses who is in an arm. */
const leastLikely = Math.log(0.0005);

/**
 * Why the arms are not what the lots drew, where they are not; else nothing. It is no harm of the challenger: devices
 * that choose themselves, or that reports are lost of, make any comparison of the arms worthless.
 */
export function sampleRatioHolds(arms: readonly ArmCount[]): readonly string[] {
  return arms.filter(isUnlikely).map(({ arm, devices, of, share }) => {
    return `arm ${arm} has ${devices} of ${of} devices, and ${per100(share)} % of them are expected there`;
  });
}

/** The exact tails of the binomial distribution, by the incomplete beta function (DLMF 8.17.5). */
function isUnlikely({ devices, of, share }: ArmCount): boolean {
  if (share <= 0 || share >= 1) return devices !== (share <= 0 ? 0 : of);
  const atMost = devices >= of ? 0 : logBetaAbove(share, devices + 1, of - devices);
  const atLeast = devices <= 0 ? 0 : logBetaBelow(share, devices, of - devices + 1);
  return Math.min(atMost, atLeast) < leastLikely;
}
