import type { Beacon } from './documents/beacon.js';

/**
 * How far a number may be ahead of what is known. Operators count one by one: whoever skips a million wants that
 * no later number is believed.
 */
const jumpMost = 2 ** 20;

const dayS = 86_400;

/** Whether a version is further ahead of the known one than operators count. */
export function isJump(known: number, version: number): boolean {
  return version > known + jumpMost;
}

/**
 * Whether the counter of a beacon is further ahead of the known one than that. Nothing names it, so the bound grows by as much with each day between the
 * two: whoever was away while somebody with a stolen key has used it up catches up by itself.
 */
export function isCounterJump(
  known: Pick<Beacon, 'counter' | 'issued'>,
  next: Pick<Beacon, 'counter' | 'issued'>,
): boolean {
  const days = Math.max(0, Math.floor((next.issued - known.issued) / dayS));
  return next.counter > known.counter + jumpMost * (1 + days);
}
