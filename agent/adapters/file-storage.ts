import { constants, promises as fs } from 'node:fs';
import path from 'node:path';
import type { Storage } from '../ports/storage.js';
import { accept, refuse, type Result } from '../../protocol/result.js';

export interface FileStorageOptions {
  /** The folder that belongs to this device alone; made where it is missing. */
  readonly folder: string;
  /** All files together may take so much. */
  readonly storageBytes: number;
}

const namePattern = /^[a-z]{1,16}\/[A-Za-z0-9_-][A-Za-z0-9._-]{0,159}$/;

/** Files that are being written end so, and are garbage when the process starts. */
const temporarySuffix = '.new';

/** Room that is kept for the state record, so that it can be written on a disk that is full of images. */
const reserveBytes = 262_144;

/**
 * The storage port on a folder. Durability is write, fsync, rename, fsync of the folder, in this order;
 * nothing else is durable. After a failed fsync the pages may be marked clean, so it is never tried again
 * on the same file. Symbolic links are refused: what is named is what is written.
 */
export async function openFileStorage(options: FileStorageOptions): Promise<Storage> {
  const root = path.resolve(options.folder);
  await fs.mkdir(root, { recursive: true, mode: 0o700 });
  await removeTemporaries(root);
  const serial = createSerial();
  /** Runs one operation after the other, and turns what the system says into a code. */
  const operate = <T>(name: string, run: () => Promise<Result<T>>): Promise<Result<T>> =>
    serial(async () => {
      try {
        return await run();
      } catch (error) {
        return refuse(codeOf(error), `${name}: ${messageOf(error)}`);
      }
    });
  const locate = (name: string): { file: string; folder: string } => {
    if (!namePattern.test(name)) throw new Error(`${name} is no name of a stored file`);
    const file = path.join(root, name);
    return { file, folder: path.dirname(file) };
  };
  const hasRoom = async (name: string, bytes: number): Promise<boolean> => {
    const reserve = name.startsWith('state/') ? 0 : reserveBytes;
    return (await measureFree(root, options.storageBytes)) >= bytes + reserve;
  };

  return {
    read: (name, limitBytes) =>
      operate(name, async () => {
        const { file } = locate(name);
        const handle = await openToRead(file);
        if (handle === undefined) return accept(undefined);
        try {
          const { size } = await handle.stat();
          if (size > limitBytes) {
            return refuse('file-too-large', `${name} has ${size} bytes, at most ${limitBytes}`);
          }
          return accept(new Uint8Array(await handle.readFile()));
        } finally {
          await handle.close();
        }
      }),

    write: (name, bytes) =>
      operate(name, async () => {
        const { file, folder } = locate(name);
        if (!(await hasRoom(name, bytes.length))) return refuse('storage-full', name);
        await makeFolder(root, folder);
        const temporary = file + temporarySuffix;
        await removeQuietly(temporary);
        await writeDurably(temporary, bytes);
        await fs.rename(temporary, file);
        await syncFolder(folder);
        return accept(undefined);
      }),

    writeAt: (name, offset, bytes) =>
      operate(name, async () => {
        const { file, folder } = locate(name);
        if (!(await hasRoom(name, bytes.length))) return refuse('storage-full', name);
        await makeFolder(root, folder);
        const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
        const handle = await fs.open(file, flags, 0o600);
        try {
          await handle.write(bytes, 0, bytes.length, offset);
        } finally {
          await handle.close();
        }
        return accept(undefined);
      }),

    move: (from, to) =>
      operate(from, async () => {
        const source = locate(from);
        const target = locate(to);
        await makeFolder(root, target.folder);
        const handle = await fs.open(source.file, constants.O_RDONLY | constants.O_NOFOLLOW);
        try {
          await handle.sync();
        } finally {
          await handle.close();
        }
        await fs.rename(source.file, target.file);
        await syncFolder(target.folder);
        await syncFolder(source.folder);
        return accept(undefined);
      }),

    remove: (name) =>
      operate(name, async () => {
        const { file, folder } = locate(name);
        if (await removeQuietly(file)) await syncFolder(folder);
        return accept(undefined);
      }),

    list: (folder) =>
      operate(folder, async () => {
        const files: { name: string; bytes: number }[] = [];
        for (const entry of await readFolder(path.join(root, folder))) {
          const name = `${folder}/${entry}`;
          // What the agent did not name is not the agent's.
          if (!namePattern.test(name) || name.endsWith(temporarySuffix)) continue;
          const { size } = await fs.lstat(path.join(root, name));
          files.push({ name, bytes: size });
        }
        return accept(files);
      }),

    freeBytes: () =>
      operate('.', async () => {
        const free = await measureFree(root, options.storageBytes);
        return accept(Math.max(0, free - reserveBytes));
      }),
  };
}

/** Runs asynchronous work one after the other. */
function createSerial(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work);
    last = next.catch(() => undefined);
    return next;
  };
}

async function openToRead(file: string): Promise<fs.FileHandle | undefined> {
  try {
    return await fs.open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await fs.open(file, flags, 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A new folder is durable only when its parent is synced too. */
async function makeFolder(root: string, folder: string): Promise<void> {
  const made = await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  if (made !== undefined) await syncFolder(root);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes a file; false where there was none. */
async function removeQuietly(file: string): Promise<boolean> {
  try {
    await fs.unlink(file);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function readFolder(folder: string): Promise<readonly string[]> {
  try {
    return await fs.readdir(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function removeTemporaries(root: string): Promise<void> {
  for (const folder of await readFolder(root)) {
    const within = path.join(root, folder);
    if (!(await fs.lstat(within)).isDirectory()) continue;
    for (const name of await readFolder(within)) {
      if (name.endsWith(temporarySuffix)) await removeQuietly(path.join(within, name));
    }
  }
}

/** What may still be written: the lesser of the quota's and the disk's rest. */
async function measureFree(root: string, storageBytes: number): Promise<number> {
  let used = 0;
  for (const folder of await readFolder(root)) {
    const within = path.join(root, folder);
    if (!(await fs.lstat(within)).isDirectory()) continue;
    for (const name of await readFolder(within)) {
      used += (await fs.lstat(path.join(within, name))).size;
    }
  }
  const { bavail, bsize } = await fs.statfs(root);
  return Math.min(storageBytes - used, bavail * bsize);
}

function codeOf(error: unknown): 'storage-full' | 'storage-failed' {
  const errno = errnoOf(error);
  // Broken invariants are no failures of the disk.
  if (errno === undefined) throw error;
  return errno === 'ENOSPC' || errno === 'EDQUOT' ? 'storage-full' : 'storage-failed';
}

function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
