import type { EvidenceBlock } from './evidence.js';
import { lossesOfBlocks, lossOfWhole, type Losses } from './losses.js';
import type { Course, Rounds } from './rounds.js';
import { sampleOf, type Sample } from './sample.js';
import type { Unit } from './samples.js';

/**
 * Scope "devices like these": the unit is a device, since windows of one device say nothing about others. Each
 * device is looked at when it has compared so many windows; each age is a claim of its own with its part of alpha.
 */
const ages = [
  { windows: 40, shareOfAlpha: 1 / 2 },
  { windows: 160, shareOfAlpha: 1 / 4 },
  { windows: 640, shareOfAlpha: 1 / 4 },
] as const;

/** A round for each age; its progress are windows. */
export const ageCourse: Course = {
  closesAt: (round) => ages[round - 1]?.windows ?? Infinity,
  isFarAt: (round) => 2 * (ages[round - 1]?.windows ?? Infinity),
};

export function progressInWindows(blocks: readonly EvidenceBlock[]): number {
  return blocks.reduce((sum, { windows }) => sum + windows, 0);
}

/** So many blocks make up the age of a round. */
export function blocksOfAge(blocks: readonly EvidenceBlock[], round: number): number {
  let windows = 0;
  let count = 0;
  for (const block of blocks) {
    if (windows >= ageCourse.closesAt(round)) break;
    windows += block.windows;
    count++;
  }
  return count;
}

/**
 * A sample for each counted age. Who has left owes the age that it did not reach, and every later one: they are
 * claims of their own, and a slow device that loses everything must be missed in each.
 */
export function agesSample(units: readonly Unit[], { counted, left }: Rounds): readonly Sample[] {
  const leftAt = new Map(left.map(({ id, round }) => [id, round]));
  return ages.slice(0, counted).map(({ shareOfAlpha }, i): Sample => {
    const round = i + 1;
    const worst = new Map<string, Losses>();
    const best = new Map<string, Losses>();
    for (const { id, blocks, namedAt } of units) {
      const isIn = (leftAt.get(id) ?? Infinity) > round;
      const closed = blocks.slice(0, blocksOfAge(blocks, round));
      if (namedAt === undefined) {
        const losses = isIn ? lossOfWhole(closed) : lossesOfBlocks([], true);
        worst.set(id, losses.worst);
        best.set(id, losses.best);
      } else if (isIn && closed.length <= namedAt && windowsReach(closed, round)) {
        best.set(id, lossOfWhole(closed).best);
      }
    }
    return sampleOf(shareOfAlpha, worst, best);
  });
}

function windowsReach(blocks: readonly EvidenceBlock[], round: number): boolean {
  return progressInWindows(blocks) >= ageCourse.closesAt(round);
}
