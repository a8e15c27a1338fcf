import type { EvidenceBlock } from './evidence.js';
import { lossesOfBlocks, type Losses } from './losses.js';
import type { Rounds } from './rounds.js';
import { sampleOf, type Sample } from './sample.js';

/** The blocks of a device that a claim may rest on. */
export interface Unit {
  readonly id: string;
  readonly blocks: readonly EvidenceBlock[];
  /**
   * How many of them had been closed when it was certain that it is worse off. From then on none counts for
   * safety, which speaks of the others; for harm those that came before do. Undefined where it is not.
   */
  readonly namedAt: number | undefined;
  readonly left: number | undefined;
}

/** Scope "these devices": each block of a counted round is a unit, and each missing one. */
export function blockSample(units: readonly Unit[], { counted, left }: Rounds): Sample {
  const leftAt = new Map(left.map(({ id, round }) => [id, round]));
  const worst = new Map<string, Losses>();
  const best = new Map<string, Losses>();
  for (const { id, blocks, namedAt } of units) {
    const round = leftAt.get(id) ?? Infinity;
    const closed = Math.min(counted, round - 1);
    if (namedAt === undefined) {
      const losses = lossesOfBlocks(blocks.slice(0, closed), round <= counted);
      worst.set(id, losses.worst);
      best.set(id, losses.best);
    } else {
      best.set(id, lossesOfBlocks(blocks.slice(0, Math.min(closed, namedAt)), false).best);
    }
  }
  return sampleOf(1, worst, best);
}
