import { ask, type Process } from '../process.js';
import type { DeviceRecord, StoredRelease } from '../state/record.js';
import { partialName } from './block-fetch.js';
import { imageName, manifestName, readManifest } from './load-release.js';

/**
 * Removes manifests, images and partial files that no slot needs: those of the current, the previous and
 * the candidate release stay, and those of releases that are offered. Nothing is removed while any file may be
 * needed: while a release is being brought in, whose end or next pause collects anew, and before it is known what
 * is desired of every slot.
 */
export function* collectGarbage(
  record: DeviceRecord,
  offered: readonly StoredRelease[],
  mayNeedAny: () => boolean,
): Process<void> {
  const needed = new Set<string>();
  const releases = [...record.slots.values()].flatMap((slot) => [
    slot.current,
    slot.previous,
    slot.candidate,
  ]);
  releases.push(...offered);
  for (const release of releases) {
    if (release === undefined) continue;
    needed.add(manifestName(release.manifest));
    const manifest = yield* readManifest(release);
    // A manifest that cannot be read names no files: what it named is fetched again.
    if (!manifest.ok) continue;
    for (const { digest, transfers } of manifest.value.artifacts) {
      needed.add(imageName(digest));
      for (const transfer of transfers) needed.add(partialName(transfer));
    }
  }
  for (const folder of ['manifests', 'images', 'partial']) {
    const files = yield* ask('list', { folder });
    if (!files.ok) continue;
    for (const { name } of files.value) {
      if (mayNeedAny()) return;
      if (!needed.has(name)) yield* ask('remove', { name });
    }
  }
}
