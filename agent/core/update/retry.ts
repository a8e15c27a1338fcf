import type { Code } from '../codes.js';
import type { Rejection } from '../result.js';

/** What may pass by itself: the offer stands and is tried again. */
const transient: ReadonlySet<Code> = new Set<Code>([
  'manifest-missing',
  'block-missing',
  'image-missing',
  'image-damaged',
  'storage-full',
  'storage-failed',
  'subscription-refused',
  'release-not-yet-valid',
]);

/** What says nothing about the release itself: a newer policy may offer it again. */
const circumstantial: ReadonlySet<Code> = new Set<Code>(['offer-withdrawn', 'block-invalid']);

/** Whether the same offer is worth another try after a while. */
export function isTransient(code: Code): boolean {
  return transient.has(code);
}

/** Whether this device is never to try the same manifest again. */
export function isHeldAgainst({ code }: Rejection): boolean {
  return !transient.has(code) && !circumstantial.has(code);
}

const firstDelayMs = 5_000;
const longestDelayMs = 900_000;

/** The wait after the nth failed attempt, doubling from five seconds to a quarter of an hour. */
export function retryDelayMs(attempt: number): number {
  return Math.min(longestDelayMs, firstDelayMs * 2 ** (attempt - 1));
}
