import type { Code } from '../../../protocol/codes.js';
import type { Rejection } from '../../../protocol/result.js';

/** What may pass by itself: the offer stands and is tried again. */
const transient: ReadonlySet<Code> = new Set<Code>([
  'manifest-missing',
  'block-missing',
  'image-missing',
  'image-damaged',
  'storage-full',
  'storage-failed',
  'file-misplaced',
  'engine-unavailable',
  'subscription-refused',
  'release-not-yet-valid',
]);

/**
 * What says nothing about the release itself, but about the way to it, the device, its clock or its owner's
 * settings: it may be offered again, to a later agent, or after a start with other settings. As long as the
 * bytes of a manifest are not believed, they say nothing about the manifest that the policy names either.
 */
const circumstantial: ReadonlySet<Code> = new Set<Code>([
  'agent-too-old',
  'algorithm-unsupported',
  'block-invalid',
  'budget-exceeded',
  'cbor-not-deterministic',
  'cbor-too-large',
  'cbor-truncated',
  'cbor-unsupported',
  'cose-invalid',
  'document-too-large',
  'document-type-mismatch',
  'epoch-below-floor',
  'key-revoked',
  'key-role-mismatch',
  'key-unknown',
  'keyset-expired',
  'manifest-digest-mismatch',
  'offer-withdrawn',
  'release-expired',
  'signature-invalid',
  'target-mismatch',
]);

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
