import type { Leaver } from './judgement.js';

/**
 * Counted rounds: nobody looks at a round before every device that is in has closed it, so that the order in which
 * reports arrive decides nothing. No clock does either: who is far behind nearly all others leaves, for good, and
 * its missing block counts once as the worst that it could have been.
 */

/** How rounds follow from what a device has done. */
export interface Course {
  /** The progress at which round k, from 1 on, is closed; Infinity where there is no such round. */
  closesAt(round: number): number;
  /** Who has not closed round k leaves when nearly all have come so far. */
  isFarAt(round: number): number;
}

/** A round for each block. */
export const blockCourse: Course = {
  closesAt: (round) => round,
  isFarAt: (round) => 2 * round + 1,
};

/** One device as the rounds see it. */
export interface Runner {
  readonly id: string;
  /** What it has done, in the unit of the course. */
  readonly progress: number;
  /** The round in which it left before, where it did. */
  readonly left: number | undefined;
  /** Rounds do not wait for a device that is certainly worse off, and it misses nothing. */
  readonly isNamed: boolean;
}

export interface Rounds {
  /** So many rounds count. */
  readonly counted: number;
  /** Who has left, before or now, in the order of the runners. */
  readonly left: readonly Leaver[];
}

/** @param coverage the share of the runners that are nearly all of them */
export function countRounds(
  runners: readonly Runner[],
  coverage: number,
  course: Course = blockCourse,
): Rounds {
  const mostHaveDone = reachedBy(quorum(runners.length, coverage), runners);
  const left: Leaver[] = [];
  let least = Infinity;
  for (const { id, progress, left: before, isNamed } of runners) {
    if (before !== undefined) {
      left.push({ id, round: before });
      continue;
    }
    if (isNamed) continue;
    const open = closedRounds(progress, course) + 1;
    if (mostHaveDone >= course.isFarAt(open)) left.push({ id, round: open });
    else least = Math.min(least, progress);
  }
  return { counted: least === Infinity ? 0 : closedRounds(least, course), left };
}

/** So many of the devices are the share, rounded up. */
export function quorum(devices: number, coverage: number): number {
  // 0.9 times 10 is not quite 9 for some shares that mean it.
  return Math.ceil(coverage * devices - 1e-9);
}

function closedRounds(progress: number, course: Course): number {
  let round = 0;
  while (progress >= course.closesAt(round + 1)) round++;
  return round;
}

/** The progress that so many of them have made. */
function reachedBy(count: number, runners: readonly Runner[]): number {
  const descending = runners.map(({ progress }) => progress).sort((a, b) => b - a);
  return descending[count - 1] ?? 0;
}
