import type { EvidenceBlock } from './evidence.js';
import { addMissing, lossesOfBlocks, type Losses, type Side } from './losses.js';
import type { Sample } from './mean-claim.js';
import type { Rounds } from './rounds.js';

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
    const closed = blocks.slice(0, Math.min(counted, round - 1));
    const owes = round <= counted && namedAt === undefined;
    const losses = (some: readonly EvidenceBlock[], side: Side): Losses => {
      const counts = lossesOfBlocks(some, side);
      if (owes) addMissing(counts, side);
      return counts;
    };
    if (namedAt === undefined) worst.set(id, losses(closed, 'worst'));
    best.set(id, losses(namedAt === undefined ? closed : closed.slice(0, namedAt), 'best'));
  }
  return { shareOfAlpha: 1, worst: withoutEmpty(worst), best: withoutEmpty(best) };
}

/** A device without units is nobody who could be left out. */
export function withoutEmpty(devices: ReadonlyMap<string, Losses>): ReadonlyMap<string, Losses> {
  return new Map([...devices].filter(([, losses]) => losses.size > 0));
}
