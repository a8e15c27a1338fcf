import {
  betsAgainstAtLeast,
  betsAgainstAtMost,
  logWealth,
  lowerMean,
  upperMean,
  type BetSums,
} from '../../protocol/statistics/mean-bets.js';
import { lossCounts, lossOfKey, sumOfLosses, type Losses, type Side } from './losses.js';

/**
 * Claims about a mean loss. None of them rests on a single device: from three devices on, it must hold at the same
 * level with any one of them left out. The eight logarithms of each device make that a subtraction.
 */

/** The units of each device for one claim; devices without any are left out. */
export interface Sample {
  /** Of the level of the claim: samples that are tried beside each other share it. */
  readonly shareOfAlpha: number;
  readonly worst: ReadonlyMap<string, Losses>;
  readonly best: ReadonlyMap<string, Losses>;
}

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
    upperMean(lossCounts(sumOfLosses(worst.values())), alpha * shareOfAlpha),
  );
  return Math.min(1, ...bounds);
}

/** The mean loss is certainly larger than this, in the best case; -1 where nothing is certain. */
export function lowerOf(samples: readonly Sample[], alpha: number): number {
  const bounds = samples.map(({ best, shareOfAlpha }) =>
    lowerMean(lossCounts(sumOfLosses(best.values())), alpha * shareOfAlpha),
  );
  return Math.max(-1, ...bounds);
}

type Bets = (losses: readonly { readonly loss: number; readonly count: number }[]) => BetSums;

function anyCertain(
  samples: readonly Sample[],
  side: Side,
  { alpha, leaveOneOut }: Level,
  bets: Bets,
): Certainty {
  let restsOn: string | undefined;
  for (const sample of samples) {
    const limit = Math.log(1 / (alpha * sample.shareOfAlpha));
    const devices = sample[side];
    const whole = sumOfLosses(devices.values());
    const sums = bets(lossCounts(whole));
    if (!(logWealth(sums) >= limit)) continue;
    if (!leaveOneOut) return { isCertain: true };
    const pivot = pivotOf(devices, whole, sums, limit, bets);
    if (pivot === undefined) return { isCertain: true };
    restsOn ??= pivot;
  }
  return restsOn === undefined ? { isCertain: false } : { isCertain: false, restsOn };
}

/** The first device without which the evidence does not suffice. */
function pivotOf(
  devices: ReadonlyMap<string, Losses>,
  whole: Losses,
  sums: BetSums,
  limit: number,
  bets: Bets,
): string | undefined {
  const single = new Map<number, BetSums>();
  for (const key of whole.keys()) single.set(key, bets([{ loss: lossOfKey(key), count: 1 }]));
  for (const [id, losses] of devices) {
    const others = [...sums];
    for (const [key, count] of losses) {
      single.get(key)?.forEach((sum, j) => {
        others[j] = (others[j] ?? 0) - count * sum;
      });
    }
    if (!(logWealth(others) >= limit)) return id;
  }
  return undefined;
}
