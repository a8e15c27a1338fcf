import type { ComparedBlock } from '../../protocol/statistics/harmed-device.js';
import type { LossCount } from '../../protocol/statistics/mean-bets.js';

/**
 * How often each loss was seen. A loss is a fraction of windows, and few fractions occur: a fleet of 10,000 devices
 * with 256 blocks each has a few dozen. The key of `lost` of `windows` is windows² + windows + lost, a whole number
 * of its own for each fraction as written, which is faster than the fraction itself.
 */
export type Losses = ReadonlyMap<number, number>;

/** Which case is counted of a window whose true label has not come: the worst for safety, the best for harm. */
export type Side = 'worst' | 'best';

/** The losses of one device, counted both ways: the same where every window has a label. */
export interface BothLosses {
  readonly worst: Losses;
  readonly best: Losses;
}

/** Windows lost less windows won, with those that have no label on the side that is asked for. */
function lost(block: ComparedBlock, side: Side): number {
  const { onlyChampionRight, onlyChallengerRight, unlabelled } = block;
  return onlyChampionRight - onlyChallengerRight + (side === 'worst' ? unlabelled : -unlabelled);
}

/** The loss of each block as a unit of its own, and a missing one where the device owes it: all lost, or all won. */
export function lossesOfBlocks(blocks: readonly ComparedBlock[], owes: boolean): BothLosses {
  const count = (side: Side): Losses => {
    const losses = new Map<number, number>();
    for (const block of blocks) addLoss(losses, lost(block, side), block.windows);
    if (owes) addLoss(losses, side === 'worst' ? 1 : -1, 1);
    return losses;
  };
  const worst = count('worst');
  const isKnown = !owes && blocks.every(({ unlabelled }) => unlabelled === 0);
  return { worst, best: isKnown ? worst : count('best') };
}

/** The loss over all the blocks as one unit; nothing where there is none. */
export function lossOfWhole(blocks: readonly ComparedBlock[]): BothLosses {
  const count = (side: Side): Losses => {
    const windows = blocks.reduce((sum, block) => sum + block.windows, 0);
    const losses = new Map<number, number>();
    const sum = blocks.reduce((total, block) => total + lost(block, side), 0);
    if (windows > 0) addLoss(losses, sum, windows);
    return losses;
  };
  return { worst: count('worst'), best: count('best') };
}

/** The losses of several devices together, in the order of their keys, so that sums are the same whoever comes first. */
export function sumOfLosses(each: Iterable<Losses>): Losses {
  const sum = new Map<number, number>();
  for (const losses of each) {
    for (const [key, count] of losses) sum.set(key, (sum.get(key) ?? 0) + count);
  }
  return new Map([...sum].sort(([a], [b]) => a - b));
}

/** As the bounds take them. */
export function lossCounts(losses: Losses): readonly LossCount[] {
  return [...losses].map(([key, count]) => ({ loss: lossOfKey(key), count }));
}

/** The fraction that a key stands for. */
export function lossOfKey(key: number): number {
  const windows = Math.floor(Math.sqrt(key));
  return (key - windows * windows - windows) / windows;
}

function addLoss(losses: Map<number, number>, sum: number, windows: number): void {
  const key = windows * windows + windows + sum;
  losses.set(key, (losses.get(key) ?? 0) + 1);
}
