import type { Code } from '../../../protocol/codes.js';
import type { Rejection } from '../../../protocol/result.js';

/** What may pass by itself: the offer stands and is tried again. */
const transient: ReadonlySet<Code> = new Set<Code>([
  'image-missing',
  'image-damaged',
  'file-too-large',
  'storage-full',
  'storage-failed',
  'file-misplaced',
  'engine-unavailable',
  'release-not-yet-valid',
]);

/**
 * What the release itself has shown, and will show again on this device whatever else changes: it is never tried
 * again. Nothing else is held against a release: neither the way to it (blocks, documents, keys), nor the clock, nor
 * the owner's settings, nor what an older agent cannot do and a later one may, nor what a policy says of it.
 */
const heldAgainst: ReadonlySet<Code> = new Set<Code>([
  // All blocks are what its manifest names, and the whole is not.
  'image-digest-mismatch',
  // Its files contradict themselves, or each other.
  'pipeline-mismatch',
  'self-test-mismatch',
  'arena-too-small',
  'model-truncated',
  'model-not-tflite',
  'model-malformed',
  'index-invalid',
  'shape-invalid',
  'buffer-invalid',
  'quantisation-invalid',
  'graph-invalid',
  'operator-invalid',
  'input-size-mismatch',
  // It was run, and did harm.
  'deadlines-missed',
  'trial-attempts-exceeded',
  'memory-exhausted',
  'call-invalid',
  'engine-internal',
  'engine-trapped',
  'engine-deadline',
  'engine-gone',
]);

/** What a gateway that is busy, or short of memory for a moment, makes of any release before it has answered once. */
const ofHost: ReadonlySet<Code> = new Set<Code>([
  'engine-deadline',
  'engine-gone',
  'memory-exhausted',
]);

/** How often what may be the gateway's fault is tried before it is taken for that of the release. */
const hostAttempts = 3;

/** What only says that nothing came, or may come; everything else that keeps a release from coming is a refusal of what came. */
const absent: ReadonlySet<Code> = new Set<Code>([
  'block-missing',
  'manifest-missing',
  'subscription-refused',
]);

/** What a set clock, another keyset or another session may turn into a yes. */
const revisable: ReadonlySet<Code> = new Set<Code>([
  'release-expired',
  'keyset-expired',
  'key-unknown',
  'key-revoked',
  'key-role-mismatch',
]);

/** Whether the same offer is worth another try after a while, when it has failed for the nth time. */
export function isTransient(code: Code, attempt: number): boolean {
  return transient.has(code) || (ofHost.has(code) && attempt < hostAttempts);
}

/** Whether nothing came, as against something that was refused. */
export function isAbsent(code: Code): boolean {
  return absent.has(code);
}

/** Whether this device is never to try the same manifest again. */
export function isHeldAgainst({ code }: Rejection): boolean {
  return heldAgainst.has(code);
}

/** Whether the same offer is worth another try when the clock was set, or a session began. */
export function isRevisable(code: Code): boolean {
  return revisable.has(code);
}
