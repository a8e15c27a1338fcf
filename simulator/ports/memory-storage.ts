import { accept, refuse, type Result } from '../../agent/core/result.js';
import type { Storage } from '../../agent/ports/storage.js';

/** The disk of a simulated device: it outlives the device's process. */
export interface MemoryDisk {
  readonly files: Map<string, Uint8Array>;
}

export interface MemoryStorageOptions {
  readonly disk: MemoryDisk;
  /** All files together may take so much. */
  readonly storageBytes: number;
  /**
   * Asked before each operation, numbered from 1, what becomes of it. `stop` means that the power is gone:
   * this operation and all later ones leave no trace and are never answered.
   */
  readonly beforeOperation?: (number: number, what: string) => 'go' | 'stop';
}

const namePattern = /^[a-z]{1,16}\/[A-Za-z0-9_-][A-Za-z0-9._-]{0,159}$/;

/** An empty disk. */
export function createMemoryDisk(): MemoryDisk {
  return { files: new Map() };
}

/** The storage port in memory, with every operation numbered, so that power can fail at each. */
export function createMemoryStorage(options: MemoryStorageOptions): Storage {
  const { files } = options.disk;
  let operations = 0;
  let stopped = false;
  const operate = <T>(what: string, name: string, run: () => Result<T>): Promise<Result<T>> => {
    if (!namePattern.test(name)) throw new Error(`${name} is no name of a stored file`);
    stopped ||= options.beforeOperation?.(++operations, `${what} ${name}`) === 'stop';
    return stopped ? new Promise(() => undefined) : Promise.resolve(run());
  };
  const freeBytes = (): number => {
    let used = 0;
    for (const bytes of files.values()) used += bytes.length;
    return Math.max(0, options.storageBytes - used);
  };
  return {
    read: (name, limitBytes) =>
      operate('read', name, () => {
        const bytes = files.get(name);
        if (bytes !== undefined && bytes.length > limitBytes) {
          return refuse('file-too-large', `${name} has ${bytes.length} bytes`);
        }
        return accept(bytes?.slice());
      }),
    write: (name, bytes) =>
      operate('write', name, () => {
        if (bytes.length > freeBytes()) return refuse('storage-full', name);
        files.set(name, bytes.slice());
        return accept(undefined);
      }),
    writeAt: (name, offset, bytes) =>
      operate('writeAt', name, () => {
        const before = files.get(name) ?? new Uint8Array();
        const after = new Uint8Array(Math.max(before.length, offset + bytes.length));
        if (after.length - before.length > freeBytes()) return refuse('storage-full', name);
        after.set(before);
        after.set(bytes, offset);
        files.set(name, after);
        return accept(undefined);
      }),
    move: (from, to) =>
      operate('move', from, () => {
        const bytes = files.get(from);
        if (bytes === undefined) return refuse('storage-failed', `${from} is not there`);
        files.set(to, bytes);
        files.delete(from);
        return accept(undefined);
      }),
    remove: (name) =>
      operate('remove', name, () => {
        files.delete(name);
        return accept(undefined);
      }),
    list: (folder) =>
      operate('list', `${folder}/all`, () =>
        accept(
          [...files]
            .filter(([name]) => name.startsWith(`${folder}/`))
            .map(([name, bytes]) => ({ name, bytes: bytes.length })),
        ),
      ),
    freeBytes: () => operate('freeBytes', 'state/all', () => accept(freeBytes())),
  };
}
