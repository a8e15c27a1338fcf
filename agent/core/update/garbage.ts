import { ask, type Process } from '../process.js';
import type { StoredRelease } from '../state/record.js';
import { partialName } from './block-fetch.js';
import { imageName, manifestName, readManifest } from './load-release.js';

/**
 * Removes manifests, images and partial files that no slot needs: those of releases that are named stay. Nothing is
 * removed while any file may be needed: while a release is being brought in, whose end or next pause collects anew,
 * and before it is known what is desired of every slot.
 *
 * @param named the current, the previous and the candidate release of each slot, and those that are offered
 */
export function* collectGarbage(
  named: () => readonly StoredRelease[],
  mayNeedAny: () => boolean,
): Process<void> {
  while ((yield* collect(named, mayNeedAny)) === 'outdated');
}

function* collect(
  named: () => readonly StoredRelease[],
  mayNeedAny: () => boolean,
): Process<'done' | 'outdated'> {
  const releases = named();
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
    for (const { digest, transfers } of manifest.value.artifacts) {
      needed.add(imageName(digest));
      for (const transfer of transfers) needed.add(partialName(transfer));
    }
  }
  for (const folder of ['manifests', 'images', 'partial']) {
    const files = yield* ask('list', { folder });
    if (!files.ok) continue;
    for (const { name } of files.value) {
      if (mayNeedAny()) return 'done';
      // Reading takes its time on a bad disk, and another release may have been committed meanwhile.
      if (!sameReleases(named(), releases)) return 'outdated';
      if (!needed.has(name)) yield* ask('remove', { name });
    }
  }
  return 'done';
}

function sameReleases(a: readonly StoredRelease[], b: readonly StoredRelease[]): boolean {
  return a.length === b.length && a.every(({ manifest }, i) => manifest === b[i]?.manifest);
}
