import { imageName } from '../../agent/core/store/file-names.js';
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
