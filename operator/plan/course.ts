import {
  betsAgainstAtLeast,
  betsAgainstAtMost,
  logWealth,
  type BetSums,
} from '../../protocol/statistics/mean-bets.js';
import type { BlockOutcome } from './block-outcomes.js';
import type { Draws } from './draws.js';
import { mostBlocks, mustLeaveOneOut } from './plan-terms.js';

/** A claim about the mean, and the level at which it is certain. */
export interface Claim {
  readonly margin: number;
  readonly alpha: number;
}

/** How a comparison of so many devices is decided. */
export interface CourseTerms {
  readonly devices: number;
  readonly blockWindows: number;
  readonly safe: Claim;
  readonly harm: Claim;
  /** Fewer rounds are never safe. */
  readonly leastRounds: number;
}

/** What became of one: after how many rounds of blocks. */
export interface CourseEnd {
  readonly verdict: 'safe' | 'harm' | 'open';
  readonly rounds: number;
}

/**
 * Plays a comparison over blocks round by round, by the bets of the verdict: every device closes a block in each round,
 * and all are alike. From three devices on a verdict must hold without any one of them.
 */
export class Course {
  readonly #terms: CourseTerms;
  readonly #outcomes: readonly BlockOutcome[];
  /** Eight logarithms for each outcome. */
  readonly #safeBets: readonly BetSums[];
  readonly #harmBets: readonly BetSums[];

  constructor(terms: CourseTerms, outcomes: readonly BlockOutcome[]) {
    const { blockWindows, safe, harm } = terms;
    this.#terms = terms;
    this.#outcomes = outcomes;
    this.#safeBets = outcomes.map(({ worst }) =>
      betsAgainstAtLeast([{ loss: worst / blockWindows, count: 1 }], safe.margin),
    );
    this.#harmBets = outcomes.map(({ best }) =>
      betsAgainstAtMost([{ loss: best / blockWindows, count: 1 }], harm.margin),
    );
  }

  play(draws: Draws): CourseEnd {
    const { devices, safe, harm, leastRounds } = this.#terms;
    const kinds = this.#outcomes.length;
    const total = new Float64Array(kinds);
    const byDevice = new Uint16Array(mustLeaveOneOut(devices) ? devices * kinds : 0);
    for (let rounds = 1; rounds <= mostBlocks; rounds++) {
      for (let device = 0; device < devices; device++) {
        const outcome = this.#draw(draws);
        total[outcome] = (total[outcome] ?? 0) + 1;
        const at = device * kinds + outcome;
        if (byDevice.length > 0) byDevice[at] = (byDevice[at] ?? 0) + 1;
      }
      const holds = (bets: readonly BetSums[], { alpha }: Claim): boolean =>
        isCertain(bets, total, byDevice, Math.log(1 / alpha));
      if (holds(this.#harmBets, harm)) return { verdict: 'harm', rounds };
      if (rounds >= leastRounds && holds(this.#safeBets, safe)) return { verdict: 'safe', rounds };
    }
    return { verdict: 'open', rounds: mostBlocks };
  }

  #draw(draws: Draws): number {
    let left = draws.next();
    for (let i = 0; i < this.#outcomes.length - 1; i++) {
      left -= this.#outcomes[i]?.chance ?? 0;
      if (left < 0) return i;
    }
    return this.#outcomes.length - 1;
  }
}

/** Whether the wealth reaches the limit, also without any one device. */
function isCertain(
  bets: readonly BetSums[],
  total: Float64Array,
  byDevice: Uint16Array,
  limit: number,
): boolean {
  const sums = weighed(bets, total);
  if (!(logWealth(sums) >= limit)) return false;
  for (let at = 0; at < byDevice.length; at += bets.length) {
    const own = weighed(bets, byDevice.subarray(at, at + bets.length));
    if (!(logWealth(sums.map((sum, j) => sum - (own[j] ?? 0))) >= limit)) return false;
  }
  return true;
}

function weighed(bets: readonly BetSums[], counts: Float64Array | Uint16Array): number[] {
  const sums = new Array<number>(bets[0]?.length ?? 0).fill(0);
  for (let kind = 0; kind < counts.length; kind++) {
    const count = counts[kind] ?? 0;
    if (count === 0) continue;
    for (let j = 0; j < sums.length; j++) sums[j] = (sums[j] ?? 0) + count * (bets[kind]?.[j] ?? 0);
  }
  return sums;
}
