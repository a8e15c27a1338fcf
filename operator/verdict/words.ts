import type { Certainty } from './mean-claim.js';

/** A share of windows as people count: "2" for 0.02, of 100 windows. */
export function per100(share: number): string {
  return String(Number((100 * share).toPrecision(3)));
}

/** "1 device", "3 devices". */
export function countOf(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

/** The first few ids, and how many more there are. */
export function idsOf(ids: readonly string[]): string {
  const shown = ids.slice(0, 5).join(', ');
  return ids.length > 5 ? `${shown} and ${ids.length - 5} more` : shown;
}

/** What is to be added where one device alone would decide. */
export function unlessAlone({ restsOn }: Certainty): string {
  return restsOn === undefined ? '' : `; without ${restsOn} it would not be certain`;
}
