import type { Crypto } from '../../agent/ports/crypto.js';
import { sameBytes } from '../../protocol/bytes.js';
import { expectOk } from '../../protocol/coded-error.js';
import {
  openReleaseFile,
  wrongArtifact,
  type ReleaseFile,
} from '../../protocol/documents/release-file.js';

/**
 * Reads a release file and checks that it holds what its manifest names. The signature is not looked at:
 * that needs a keyset. Throws `release-file-invalid`.
 */
export function parseReleaseFile(bytes: Uint8Array, crypto: Crypto): ReleaseFile {
  const file = expectOk(openReleaseFile(bytes));
  for (const [i, artifact] of file.manifest.artifacts.entries()) {
    const digest = crypto.sha256(file.artifacts[i] ?? new Uint8Array());
    if (!sameBytes(digest, artifact.digest)) expectOk(wrongArtifact(artifact));
  }
  return file;
}
