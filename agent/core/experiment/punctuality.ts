import { lateMargin } from '../../../protocol/statistics/late-margin.js';
import type { Budget } from '../../../protocol/documents/manifest.js';
import { refuse, type Rejection } from '../../../protocol/result.js';
import {
  concentrationFor,
  lowerBound,
  upperBound,
  type BernoulliCounts,
} from '../../../protocol/statistics/beta-binomial.js';

/** How often a release was asked, and how often its deadline passed without an answer. */
export class Punctuality {
  #windows = 0;
  #late = 0;

  answered(): void {
    this.#windows++;
  }

  missed(): void {
    this.#windows++;
    this.#late++;
  }

  /** A deadline that was missed is a success of the counts. */
  get counts(): BernoulliCounts {
    return { successes: this.#late, n: this.#windows };
  }

  /** What was counted since then. */
  since({ successes, n }: BernoulliCounts): BernoulliCounts {
    return { successes: this.#late - successes, n: this.#windows - n };
  }
}

/** The chance of each bound to be wrong, at all times at once. */
const alpha = 0.001;

/** The bounds are narrowest after so many windows: a model that hangs is to be known soon. */
const concentration = concentrationFor(50, alpha);

/** Where the champion was asked nothing, more than every second deadline missed is too much by itself. */
const limitAlone = 0.5;

/** Of the time between two windows a candidate may take half: then the champion can answer in its place. */
const shareOfPeriod = 1 / 2;

/** A gateway may be so many times slower than the machine that built the release. */
const slowestGateway = 10;

/**
 * How long a candidate may take for a window, in milliseconds: half of the slot's period, and more only where it is
 * known to be slow; never more than its own deadline, which may be many periods.
 */
export function candidateDeadlineMs(
  { deadlineUs, expectedUs }: Pick<Budget, 'deadlineUs' | 'expectedUs'>,
  periodMs: number,
): number {
  const needsMs = (slowestGateway * expectedUs) / 1000;
  return Math.min(deadlineUs / 1000, Math.max(shareOfPeriod * periodMs, needsMs));
}

/**
 * Why a candidate is given up after a failed inference; undefined where it is not, because it was only late
 * and the champion may be so too. A gateway that is busy makes both late, and one late answer says nothing.
 *
 * The windows of one device are not independent, so that the bounds are no proof: they are a limit on which
 * one device may act alone. What is slow on many devices is for the operator's controller to find.
 *
 * @param candidate is told of the deadline that was missed
 * @param champion counts over the same time
 */
export function judgeFailure(
  failure: Rejection,
  candidate: Punctuality,
  champion: BernoulliCounts,
): Rejection | undefined {
  if (failure.code !== 'engine-deadline') return failure;
  candidate.missed();
  const { successes, n } = candidate.counts;
  const tolerated =
    champion.n === 0 ? limitAlone : upperBound(champion, alpha, concentration) + lateMargin;
  if (lowerBound(candidate.counts, alpha, concentration) <= tolerated) return undefined;
  return refuse(
    'deadlines-missed',
    `late on ${successes} of ${n} windows, the champion on ${champion.successes} of ${champion.n}`,
  ).rejection;
}
