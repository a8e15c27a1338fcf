import { imageName, manifestName } from '../../agent/core/store/file-names.js';
import type { StoredRelease } from '../../agent/core/state/record.js';
import { expectOk } from '../../protocol/coded-error.js';
import { openSign1 } from '../../protocol/cose/sign1.js';
import { parseManifest } from '../../protocol/documents/manifest.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import type { MemoryDisk } from '../../simulator/ports/memory-storage.js';

/** Names of the files in one folder of a disk. */
export function filesIn(
  { files }: MemoryDisk,
  folder: 'manifests' | 'images' | 'partial',
): readonly string[] {
  return [...files.keys()].filter((name) => name.startsWith(`${folder}/`));
}

/** The name of the file that holds the model of a release. */
export function modelFileOf({ manifest }: ReleaseFile): string {
  return imageName(manifest.artifacts[0]?.digest ?? new Uint8Array());
}

/** Names of the files that a stored release needs: its manifest, and what that names. */
export function filesOf({ files }: MemoryDisk, { manifest }: StoredRelease): readonly string[] {
  const name = manifestName(manifest);
  const bytes = files.get(name);
  if (bytes === undefined) return [name];
  return [name, ...imagesNamedBy(bytes)];
}

/** Those of them that are not on the disk. */
export function missingFiles(disk: MemoryDisk, release: StoredRelease): readonly string[] {
  return filesOf(disk, release).filter((name) => !disk.files.has(name));
}

/** Manifests are looked at after every operation of a disk. */
const read = new WeakMap<Uint8Array, readonly string[]>();

function imagesNamedBy(bytes: Uint8Array): readonly string[] {
  const known = read.get(bytes);
  if (known !== undefined) return known;
  const { payload } = expectOk(openSign1(bytes, 'manifest'));
  const images = expectOk(parseManifest(payload)).artifacts.map(({ digest }) => imageName(digest));
  read.set(bytes, images);
  return images;
}
