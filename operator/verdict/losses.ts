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

/** Windows lost less windows won, with those that have no label on the side that is asked for. */
function lost(
  { onlyChampionRight, onlyChallengerRight, unlabelled }: ComparedBlock,
  side: Side,
): number {
  const unknown = side === 'worst' ? unlabelled : -unlabelled;
  return onlyChampionRight - onlyChallengerRight + unknown;
}

/** The loss of each block as a unit of its own. */
export function lossesOfBlocks(blocks: Iterable<ComparedBlock>, side: Side): Map<number, number> {
  const losses = new Map<number, number>();
  for (const block of blocks) addLoss(losses, lost(block, side), block.windows);
  return losses;
}

/** The loss over all the blocks as one unit; nothing where there is none. */
export function lossOfWhole(blocks: Iterable<ComparedBlock>, side: Side): Map<number, number> {
  let [sum, windows] = [0, 0];
  for (const block of blocks) {
    sum += lost(block, side);
    windows += block.windows;
  }
  const losses = new Map<number, number>();
  if (windows > 0) addLoss(losses, sum, windows);
  return losses;
}

/** Adds the unit that a device owes: all lost, or all won. */
export function addMissing(losses: Map<number, number>, side: Side): void {
  addLoss(losses, side === 'worst' ? 1 : -1, 1);
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
