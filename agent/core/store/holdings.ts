import { ask, type Process } from '../process.js';
import type { SlotRecord } from '../state/record.js';
import { imageName, manifestName } from './file-names.js';
import { readManifest } from './read-release.js';

/** The files of one slot's releases that are on disk, with their bytes. Slots may share files. */
export type Holding = ReadonlyMap<string, number>;

/** What the releases of each slot hold on disk, as far as their manifests can be read. */
export function* holdingsOf(
  slots: ReadonlyMap<string, SlotRecord>,
): Process<ReadonlyMap<string, Holding>> {
  const sizes = new Map<string, number>();
  for (const folder of ['manifests', 'images']) {
    const files = yield* ask('list', { folder });
    if (files.ok) for (const { name, bytes } of files.value) sizes.set(name, bytes);
  }
  const holdings = new Map<string, Holding>();
  for (const [slot, { current, previous, candidate }] of slots) {
    const held = new Map<string, number>();
    const hold = (name: string): void => {
      const bytes = sizes.get(name);
      if (bytes !== undefined) held.set(name, bytes);
    };
    for (const release of [current, previous, candidate]) {
      if (release === undefined) continue;
      hold(manifestName(release.manifest));
      const manifest = yield* readManifest(release);
      if (manifest.ok) for (const { digest } of manifest.value.artifacts) hold(imageName(digest));
    }
    holdings.set(slot, held);
  }
  return holdings;
}

/**
 * The bytes that each slot outside the configuration keeps from the others: those of files that no configured slot
 * needs. Slots that keep none are left out.
 */
export function* heldByOthers(
  slots: ReadonlyMap<string, SlotRecord>,
  isConfigured: (slot: string) => boolean,
): Process<ReadonlyMap<string, number>> {
  const holdings = yield* holdingsOf(slots);
  const needed = new Set<string>();
  for (const [slot, held] of holdings) {
    if (isConfigured(slot)) for (const name of held.keys()) needed.add(name);
  }
  const others = new Map<string, number>();
  for (const [slot, held] of holdings) {
    if (isConfigured(slot)) continue;
    const bytes = bytesOf(new Map([...held].filter(([name]) => !needed.has(name))));
    if (bytes > 0) others.set(slot, bytes);
  }
  return others;
}

/** The bytes of all files of a slot. */
export function bytesOf(holding: Holding): number {
  return [...holding.values()].reduce((sum, bytes) => sum + bytes, 0);
}
