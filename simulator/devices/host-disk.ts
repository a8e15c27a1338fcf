import type { Storage } from '../../agent/ports/storage.js';
import {
  createMemoryDisk,
  createMemoryStorage,
  type StorageFault,
  type StorageMeter,
} from '../ports/memory-storage.js';
import { UnsyncedDisk } from '../ports/unsynced-disk.js';
import { createUnsyncedStorage, stateFolder } from '../ports/unsynced-storage.js';
import type { Prng } from '../prng.js';
import type { Lane } from '../time/lane.js';
import type { SharedContents } from './shared-contents.js';

/** What an agent's storage is given besides the disk. */
export interface StorageTerms {
  readonly storageBytes: number;
  readonly lane: Lane;
  readonly meter: StorageMeter;
  readonly beforeOperation: (what: string) => StorageFault;
}

/** The disk of a machine, which outlives its agents. Files are named as the storage port names them. */
export interface HostDisk {
  read(name: string): Uint8Array | undefined;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Another content lies there than was written. */
  corrupt(name: string, bytes: Uint8Array): void;
  createStorage(terms: StorageTerms): Storage;
  /** The power has gone, and what was not synced is lost, torn, or there. Gives how many changes that were. */
  tear(chance: Prng): number;
}

/**
 * A disk on which everything is durable once it is answered: small, and fast.
 *
 * @param contents what it holds as other disks do
 */
export function createDurableDisk(contents: SharedContents): HostDisk {
  const disk = createMemoryDisk();
  const { files } = disk;
  return {
    read: (name) => files.get(name),
    files,
    corrupt: (name, bytes) => files.set(name, bytes),
    createStorage: ({ beforeOperation, ...terms }) =>
      createMemoryStorage({
        ...terms,
        disk,
        share: (bytes) => contents.share(bytes),
        beforeOperation: (_, what) => beforeOperation(what),
      }),
    tear: () => 0,
  };
}

/** A disk that keeps what was synced, under the agent's own adapter. */
export function createUnsyncedHostDisk(): HostDisk {
  const disk = new UnsyncedDisk();
  const pathOf = (name: string): string => `${stateFolder}/${name}`;
  return {
    read: (name) => disk.read(pathOf(name)),
    get files() {
      const inside = [...disk.files].filter(([path]) => path.startsWith(`${stateFolder}/`));
      return new Map(
        inside.map(([path, bytes]) => [path.slice(stateFolder.length + 1), bytes] as const),
      );
    },
    corrupt: (name, bytes) => {
      disk.corrupt(pathOf(name), bytes);
    },
    createStorage: (terms) => createUnsyncedStorage({ ...terms, disk }),
    tear: (chance) => {
      const { unsynced } = disk;
      disk.cutPower(chance);
      return unsynced;
    },
  };
}
