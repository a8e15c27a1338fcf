import { sameBytes, toHex } from '../../../protocol/bytes.js';
import { openSign1 } from '../../../protocol/cose/sign1.js';
import {
  parseManifest,
  type Artifact,
  type Manifest,
} from '../../../protocol/documents/manifest.js';
import { limits } from '../../../protocol/limits.js';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import { ask, type Process } from '../process.js';
import { readFile } from '../state/read-file.js';
import type { StoredRelease } from '../state/record.js';
import { imageName, manifestName } from './file-names.js';

/**
 * Reads a stored manifest and checks it against the digest under which it was accepted. Its signature
 * was verified then; a key that is revoked later does not stop what already runs.
 */
export function* readManifest(stored: StoredRelease): Process<Result<Manifest>> {
  const name = manifestName(stored.manifest);
  const file = yield* readFile(name, limits.envelopeBytes);
  if (!file.ok) return file;
  if (file.value === undefined) return refuse('image-missing', `${name} is not on disk`);
  const digest = yield* ask('digest', { bytes: file.value });
  if (toHex(digest) !== stored.manifest) return refuse('image-damaged', `${name} has changed`);
  const envelope = openSign1(file.value, 'manifest');
  return envelope.ok ? parseManifest(envelope.value.payload) : envelope;
}

/**
 * Reads an artifact and checks its digest: bytes on disk are never trusted to be what was written. A
 * damaged file is removed, so that it can be fetched again.
 */
export function* readImage(artifact: Artifact): Process<Result<Uint8Array>> {
  const name = imageName(artifact.digest);
  const file = yield* readFile(name, artifact.size);
  if (file.ok && file.value === undefined) {
    return refuse('image-missing', `${name} is not on disk`);
  }
  if (file.ok && file.value !== undefined) {
    const digest = yield* ask('digest', { bytes: file.value });
    if (sameBytes(digest, artifact.digest)) return accept(file.value);
  } else if (!file.ok && file.rejection.code !== 'file-too-large') return file;
  yield* ask('remove', { name });
  return refuse('image-damaged', `${name} is not what the manifest names`);
}
