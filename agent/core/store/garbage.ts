import { ask, type Process } from '../process.js';
import type { StoredRelease } from '../state/record.js';
import { fileNamesOf } from './artifact-store.js';
import { manifestName } from './file-names.js';
import { readManifest } from './read-release.js';

/** What is to be known of a device before a file of it is removed. */
export interface Needs {
  /** The current, the previous and the candidate release of each slot. */
  named(): readonly StoredRelease[];
  /** Whether whoever is bringing in a release needs a file of this name. */
  isHeld(name: string): boolean;
  /** Whether it is known what is desired of every slot. */
  isComplete(): boolean;
}

/**
 * Removes manifests, images and partial files that nobody needs: those of releases that are named stay, and those that
 * are held. Nothing is removed before it is known what is desired of every slot.
 */
export function* collectGarbage(needs: Needs): Process<void> {
  while ((yield* collect(needs)) === 'outdated');
}

function* collect(needs: Needs): Process<'done' | 'outdated'> {
  const releases = needs.named();
  const needed = new Set<string>();
  for (const release of releases) {
    needed.add(manifestName(release.manifest));
    const manifest = yield* readManifest(release);
    if (!manifest.ok) {
      // A disk that cannot be read at this moment may hold what is served.
      if (manifest.rejection.code === 'storage-failed') return 'done';
      // A manifest that is gone or damaged names no files: what it named is fetched again.
      continue;
    }
    for (const name of manifest.value.artifacts.flatMap(fileNamesOf)) needed.add(name);
  }
  for (const folder of ['manifests', 'images', 'partial']) {
    const files = yield* ask('list', { folder });
    if (!files.ok) continue;
    for (const { name } of files.value) {
      if (!needs.isComplete()) return 'done';
      // Reading takes its time on a bad disk, and another release may have been committed meanwhile.
      if (!sameReleases(needs.named(), releases)) return 'outdated';
      if (!needed.has(name) && !needs.isHeld(name)) yield* ask('remove', { name });
    }
  }
  return 'done';
}

function sameReleases(a: readonly StoredRelease[], b: readonly StoredRelease[]): boolean {
  return a.length === b.length && a.every(({ manifest }, i) => manifest === b[i]?.manifest);
}
