import { accept, refuse, type Result } from '../../protocol/result.js';
import type { Storage } from '../../agent/ports/storage.js';
import { Later } from '../time/later.js';
import type { Lane } from '../time/lane.js';

/** The disk of a simulated device: it outlives the device's process. */
export interface MemoryDisk {
  readonly files: Map<string, Uint8Array>;
}

/** Follows what is written, as a meter of wear does. */
export interface StorageMeter {
  write(name: string, bytes: number): void;
  writeAt(name: string, offset: number, bytes: number): void;
  move(from: string, to: string): void;
  remove(name: string): void;
}

export interface MemoryStorageOptions {
  readonly disk: MemoryDisk;
  /** All files together may take so much. */
  readonly storageBytes: number;
  /**
   * Asked before each operation, numbered from 1, what becomes of it. `stop` means that the power is gone:
   * this operation and all later ones leave no trace and are never answered. `fail` means that this one
   * leaves no trace and is refused with `storage-failed`, `full` that it is refused with `storage-full`.
   */
  readonly beforeOperation?: (number: number, what: string) => StorageFault;
  /** Told of what was carried out and changed something. */
  readonly meter?: StorageMeter;
  /** Gives the same bytes as others hold them, too, for files that are immutable once they are in their place. */
  readonly share?: (bytes: Uint8Array) => Uint8Array;
  /** The lane in which it answers; with native promises where it is left out. */
  readonly lane?: Lane;
}

/** What becomes of one operation. */
export type StorageFault = 'go' | 'stop' | 'fail' | 'full' | TornOperation;

/**
 * The power goes in the middle of an operation, after so many calls of the system that change something or make it durable.
 * A disk that has no calls stops before the operation.
 */
export interface TornOperation {
  readonly calls: number;
  /** Takes the power. */
  readonly cut: () => void;
}

/** Room that is kept for the state record, as on a real disk (`adapters/file-storage.ts`). */
const reserveBytes = 262_144;

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
  const operate = <T>(what: string, name: string, run: () => Result<T>): PromiseLike<Result<T>> => {
    if (!namePattern.test(name)) throw new Error(`${name} is no name of a stored file`);
    const fault = stopped ? 'stop' : options.beforeOperation?.(++operations, `${what} ${name}`);
    if (typeof fault === 'object') fault.cut();
    stopped = fault === 'stop' || typeof fault === 'object';
    const { lane } = options;
    if (stopped) return lane === undefined ? new Promise(() => undefined) : new Later(lane);
    const code =
      fault === 'fail' ? 'storage-failed' : fault === 'full' ? 'storage-full' : undefined;
    const result: Result<T> =
      code === undefined ? run() : refuse(code, `${what} ${name}: a fault of the simulation`);
    return lane === undefined ? Promise.resolve(result) : Later.of(lane, result);
  };
  const sharedOf = (name: string, bytes: Uint8Array): Uint8Array =>
    options.share !== undefined && /^(images|manifests)\//.test(name)
      ? options.share(bytes)
      : bytes;
  const freeBytes = (): number => {
    let used = 0;
    for (const bytes of files.values()) used += bytes.length;
    return Math.max(0, options.storageBytes - used);
  };
  const hasRoom = (name: string, bytes: number): boolean =>
    freeBytes() >= bytes + (name.startsWith('state/') ? 0 : reserveBytes);
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
        if (!hasRoom(name, bytes.length)) return refuse('storage-full', name);
        files.set(name, sharedOf(name, bytes.slice()));
        options.meter?.write(name, bytes.length);
        return accept(undefined);
      }),
    writeAt: (name, offset, bytes) =>
      operate('writeAt', name, () => {
        const before = files.get(name) ?? new Uint8Array();
        // As with files, writing nothing fills no gap.
        const end = bytes.length === 0 ? 0 : offset + bytes.length;
        const after = new Uint8Array(Math.max(before.length, end));
        if (!hasRoom(name, after.length - before.length)) return refuse('storage-full', name);
        after.set(before);
        if (end > 0) after.set(bytes, offset);
        files.set(name, after);
        options.meter?.writeAt(name, offset, bytes.length);
        return accept(undefined);
      }),
    move: (from, to) =>
      operate('move', from, () => {
        const bytes = files.get(from);
        if (bytes === undefined) return refuse('storage-failed', `${from} is not there`);
        files.delete(from);
        files.set(to, sharedOf(to, bytes));
        options.meter?.move(from, to);
        return accept(undefined);
      }),
    remove: (name) =>
      operate('remove', name, () => {
        files.delete(name);
        options.meter?.remove(name);
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
    freeBytes: () =>
      operate('freeBytes', 'state/all', () => accept(Math.max(0, freeBytes() - reserveBytes))),
  };
}
