import {
  betsAgainstAtLeast,
  betsAgainstAtMost,
  logWealth,
  lowerMean,
  upperMean,
  type BetSums,
  type LossCount,
} from '../../protocol/statistics/mean-bets.js';
import { lossOfKey, type Side } from './losses.js';
import type { Sample, Units } from './sample.js';

/**
 * Claims about a mean loss. None of them rests on a single device: from three devices on, it must hold at the same
 * level with any one of them left out. The eight logarithms of each device make that a subtraction.
 */

/** Whether something is certain, and if not for one device only, for which. */
export interface Certainty {
  readonly isCertain: boolean;
  /** The device that alone would make it certain. */
  readonly restsOn?: string;
}

export interface Level {
  readonly alpha: number;
  /** Whether it must hold without any one device too. */
  readonly leaveOneOut: boolean;
}

/** Whether the mean loss is certainly below m, in the worst case. */
export function isBelow(samples: readonly Sample[], m: number, level: Level): Certainty {
  return anyCertain(samples, 'worst', level, (losses) => betsAgainstAtLeast(losses, m));
}

/** Whether the mean loss is certainly above m, in the best case. */
export function isAbove(samples: readonly Sample[], m: number, level: Level): Certainty {
  return anyCertain(samples, 'best', level, (losses) => betsAgainstAtMost(losses, m));
}

/** The mean loss is certainly smaller than this, in the worst case; 1 where nothing is certain. */
export function upperOf(samples: readonly Sample[], alpha: number): number {
  const bounds = samples.map(({ worst, shareOfAlpha }) =>
    upperMean(worst.total, alpha * shareOfAlpha),
  );
  return Math.min(1, ...bounds);
}

/** The mean loss is certainly larger than this, in the best case; -1 where nothing is certain. */
export function lowerOf(samples: readonly Sample[], alpha: number): number {
  const bounds = samples.map(({ best, shareOfAlpha }) =>
    lowerMean(best.total, alpha * shareOfAlpha),
  );
  return Math.max(-1, ...bounds);
}

type Bets = (losses: readonly LossCount[]) => BetSums;

function anyCertain(
  samples: readonly Sample[],
  side: Side,
  { alpha, leaveOneOut }: Level,
  bets: Bets,
): Certainty {
  let restsOn: string | undefined;
  for (const sample of samples) {
    const limit = Math.log(1 / (alpha * sample.shareOfAlpha));
    const units = sample[side];
    const sums = bets(units.total);
    if (!(logWealth(sums) >= limit)) continue;
    if (!leaveOneOut) return { isCertain: true };
    const pivot = pivotOf(units, sums, limit, bets);
    if (pivot === undefined) return { isCertain: true };
    restsOn ??= pivot;
  }
  return restsOn === undefined ? { isCertain: false } : { isCertain: false, restsOn };
}

/** The first device without which the evidence does not suffice. */
function pivotOf({ devices }: Units, sums: BetSums, limit: number, bets: Bets): string | undefined {
  const singles = new Map<number, BetSums>();
  const single = (key: number): BetSums => {
    const known = singles.get(key) ?? bets([{ loss: lossOfKey(key), count: 1 }]);
    singles.set(key, known);
    return known;
  };
  for (const [id, losses] of devices) {
    const others = [...sums];
    for (const [key, count] of losses) {
      const one = single(key);
      for (let j = 0; j < others.length; j++) others[j] = (others[j] ?? 0) - count * (one[j] ?? 0);
    }
    if (!(logWealth(others) >= limit)) return id;
  }
  return undefined;
}
