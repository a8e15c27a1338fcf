import { sameBytes, toHex } from '../../protocol/bytes.js';
import type { Artifact, Manifest } from '../../protocol/documents/manifest.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import type { OwnKeys } from './own-document.js';

/** What later rollouts ask about a champion: its classes, and how it answered on reference data. */
const keptRoles: readonly Artifact['role'][] = ['labels', 'reference'];

/** Both are small; what is not is no such thing. */
const mostBytes = 65_536;

/** Keeps the small artifacts of a release in the key folder: the broker may not have them when they are asked for. */
export function keepArtifacts({ manifest, artifacts }: ReleaseFile, { keys }: OwnKeys): void {
  for (const [i, { role, digest }] of manifest.artifacts.entries()) {
    const bytes = artifacts[i];
    if (bytes === undefined || bytes.length > mostBytes || !keptRoles.includes(role)) continue;
    keys.published.write(nameOf(digest), bytes);
  }
}

/** An artifact of a release that was published with this folder; undefined where it has none, or was published before they were kept. */
export function findArtifact(
  { artifacts }: Manifest,
  role: Artifact['role'],
  { keys, crypto }: OwnKeys,
): Uint8Array | undefined {
  const digest = artifacts.find((each) => each.role === role)?.digest;
  const bytes = digest && keys.published.read(nameOf(digest));
  // Where somebody has changed the file it says nothing.
  return bytes && sameBytes(crypto.sha256(bytes), digest) ? bytes : undefined;
}

function nameOf(digest: Uint8Array): string {
  return `artifacts/${toHex(digest)}`;
}
