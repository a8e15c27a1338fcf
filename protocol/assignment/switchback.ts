import { everyone } from '../documents/policy.js';
import type { ComparedBlock } from '../statistics/harmed-device.js';
import { bucket, experimentName } from './bucket.js';

/**
 * Where an answer changes what is measured next, the two cannot be compared on the same windows: the champion would be judged on a
 * world that the challenger has made. There a served device lets them answer in turns, and compares the turns. Two turns of the
 * same length are a pair, and the lots say which of the two begins it, so that nothing that rises or falls favours one.
 */
export type Turn = 'champion' | 'challenger';

/** How far a device has come: pairs that are over, and the windows of the one that is under way. */
export interface PairProgress {
  readonly pairs: number;
  readonly windows: number;
}

/** Whose turn it is. */
export function turnOf(
  salt: Uint8Array,
  deviceId: string,
  turnWindows: number,
  { pairs, windows }: PairProgress,
): Turn {
  const isFirst = windows < turnWindows;
  const lot = bucket(`${experimentName(salt)}/pair:${pairs}`, deviceId);
  const challengerBegins = lot < everyone / 2;
  return isFirst === challengerBegins ? 'challenger' : 'champion';
}

/**
 * A pair of turns as a block of one turn's length, so that its loss is the difference of the shares that were right. In the pair
 * as it is counted each window has one answer only: those of the champion's turn that were right, those of the challenger's, and
 * those without a label.
 */
export function blockOfPair<T extends ComparedBlock>(pair: T): T {
  const windows = Math.ceil(pair.windows / 2);
  const known = pair.onlyChampionRight - pair.onlyChallengerRight;
  // What may be lost at most and at least, whatever the missing labels say.
  let most = Math.min(windows, known + pair.unlabelled);
  const least = Math.max(-windows, known - pair.unlabelled);
  if ((most - least) % 2 !== 0 && most < windows) most++;
  const unlabelled = Math.ceil((most - least) / 2);
  const lost = most - unlabelled;
  return {
    ...pair,
    windows,
    onlyChampionRight: Math.max(0, lost),
    onlyChallengerRight: Math.max(0, -lost),
    unlabelled,
  };
}
