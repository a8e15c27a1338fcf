import type { Member } from './look.js';
import { countOf } from './words.js';

/** Windows on which the two differ and no true label has come. */
export function unlabelledWindows(fleet: readonly Member[]): number {
  return sumOver(fleet, ({ unlabelled }) => unlabelled);
}

/** What labels would tell, as something to be added to a sentence; nothing where none is missing. */
export function labelsWouldHelp(fleet: readonly Member[]): string {
  const unlabelled = unlabelledWindows(fleet);
  if (unlabelled === 0) return '';
  const known = sumOver(fleet, (block) => block.onlyChampionRight + block.onlyChallengerRight);
  const waiting = `${countOf(unlabelled, 'disagreement')} ${unlabelled === 1 ? 'waits' : 'wait'}`;
  return known === 0
    ? `; no true label has come from any device: ${waiting} for one`
    : `; ${waiting} for a true label`;
}

type Count = (block: Member['blocks'][number]) => number;

function sumOver(fleet: readonly Member[], count: Count): number {
  let sum = 0;
  for (const { blocks } of fleet) for (const block of blocks) sum += count(block);
  return sum;
}
