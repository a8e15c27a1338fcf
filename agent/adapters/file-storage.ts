import { constants } from 'node:fs';
import path from 'node:path';
import type { Storage } from '../ports/storage.js';
import { errnoOf, systemFiles, type FileSystem, type OpenFile } from './file-system.js';
import { hasFolder, makeWay, Misplaced, openToRead } from './own-files.js';
import { accept, refuse, type Result } from '../../protocol/result.js';

export interface FileStorageOptions {
  /** The folder that belongs to this device alone; made where it is missing. */
  readonly folder: string;
  /** All files together may take so much. */
  readonly storageBytes: number;
  /** Whether somebody else may be using the folder: it is neither made nor tidied. */
  readonly readOnly?: boolean;
}

const namePattern = /^[a-z]{1,16}\/[A-Za-z0-9_-][A-Za-z0-9._-]{0,159}$/;

/** Files that are being written end so, and are garbage when the process starts. */
const temporarySuffix = '.new';

/** Room that is kept for the state record, so that it can be written on a disk that is full of images. */
const reserveBytes = 262_144;

/**
 * The storage port on a folder. Durability is write, fsync, rename, fsync of the folder, in this order;
 * nothing else is durable. After a failed fsync the pages may be marked clean, so it is never tried again
 * on the same file. The folder itself may be a link; below it links are not followed: what is named is what is
 * written. A folder that was removed meanwhile is made again by whatever is written next.
 */
export async function openFileStorage(
  options: FileStorageOptions,
  fs: FileSystem = systemFiles,
): Promise<Storage> {
  const root = path.resolve(options.folder);
  const makeFolder = createFolderMaker(fs, root);
  if (options.readOnly !== true) {
    await makeFolder(root);
    await removeTemporaries(fs, root);
  }
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
  const makeOwnFolder = async (folder: string): Promise<void> => {
    await makeWay(fs, folder, 'folder');
    await makeFolder(folder);
  };
  const locate = (name: string): { file: string; folder: string } => {
    if (!namePattern.test(name)) throw new Error(`${name} is no name of a stored file`);
    const file = path.join(root, name);
    return { file, folder: path.dirname(file) };
  };
  const hasRoom = async (name: string, bytes: number): Promise<boolean> => {
    const reserve = name.startsWith('state/') ? 0 : reserveBytes;
    return (await measureFree(fs, root, options.storageBytes)) >= bytes + reserve;
  };

  return {
    read: (name, limitBytes) =>
      operate(name, async () => {
        const { file, folder } = locate(name);
        if (!(await hasFolder(fs, folder))) return accept(undefined);
        const handle = await openToRead(fs, file);
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
        await makeOwnFolder(folder);
        if (!(await hasRoom(name, bytes.length))) return refuse('storage-full', name);
        await makeWay(fs, file, 'file');
        const temporary = file + temporarySuffix;
        await removeQuietly(fs, temporary);
        await writeDurably(fs, temporary, bytes);
        await fs.rename(temporary, file);
        await syncFolder(fs, folder);
        return accept(undefined);
      }),

    writeAt: (name, offset, bytes) =>
      operate(name, async () => {
        const { file, folder } = locate(name);
        await makeOwnFolder(folder);
        if (!(await hasRoom(name, bytes.length))) return refuse('storage-full', name);
        await makeWay(fs, file, 'file');
        const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
        const handle = await fs.open(file, flags, 0o600);
        try {
          await writeAll(handle, bytes, offset);
        } finally {
          await handle.close();
        }
        return accept(undefined);
      }),

    move: (from, to) =>
      operate(from, async () => {
        const source = locate(from);
        const target = locate(to);
        if (!(await hasFolder(fs, source.folder)))
          return refuse('storage-failed', `${from} is gone`);
        await makeOwnFolder(target.folder);
        await makeWay(fs, target.file, 'file');
        const handle = await openToRead(fs, source.file);
        if (handle === undefined) return refuse('storage-failed', `${from} is gone`);
        try {
          await handle.sync();
        } finally {
          await handle.close();
        }
        await fs.rename(source.file, target.file);
        await syncFolder(fs, target.folder);
        await syncFolder(fs, source.folder);
        return accept(undefined);
      }),

    remove: (name) =>
      operate(name, async () => {
        const { file, folder } = locate(name);
        if (!(await isOwnFolder(fs, folder))) return accept(undefined);
        if (await removeQuietly(fs, file)) await syncFolder(fs, folder);
        return accept(undefined);
      }),

    list: (folder) =>
      operate(folder, async () => {
        const files: { name: string; bytes: number }[] = [];
        const within = path.join(root, folder);
        if (!(await isOwnFolder(fs, within))) return accept(files);
        for (const entry of await readFolder(fs, within)) {
          const name = `${folder}/${entry}`;
          // What the agent did not name, or did not make, is not the agent's.
          if (!namePattern.test(name) || name.endsWith(temporarySuffix)) continue;
          const found = await fs.lstat(path.join(root, name));
          if (found.isFile()) files.push({ name, bytes: found.size });
        }
        return accept(files);
      }),

    freeBytes: () =>
      operate('.', async () => {
        await makeFolder(root);
        const free = await measureFree(fs, root, options.storageBytes);
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

/** What is in the place of a folder holds no file of the agent's. */
async function isOwnFolder(fs: FileSystem, folder: string): Promise<boolean> {
  try {
    return await hasFolder(fs, folder);
  } catch (error) {
    if (error instanceof Misplaced) return false;
    throw error;
  }
}

async function writeDurably(fs: FileSystem, file: string, bytes: Uint8Array): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await fs.open(file, flags, 0o600);
  try {
    await writeAll(handle, bytes, 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The system may write a part only, as where a disk is nearly full; the rest then follows, or fails. */
async function writeAll(handle: OpenFile, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const rest = bytes.length - done;
    const { bytesWritten } = await handle.write(bytes, done, rest, position + done);
    // Never seen of a file, but it would be tried for ever.
    if (bytesWritten === 0) throw Object.assign(new Error('nothing was written'), { code: 'EIO' });
    done += bytesWritten;
  }
}

/**
 * Makes folders below a root durably: a new folder is lost unless the one above is synced too, and so up to the
 * first that was made. One that is there already is synced once: who made it may have died before.
 */
function createFolderMaker(fs: FileSystem, root: string): (folder: string) => Promise<void> {
  // The folder above the root belongs to somebody else, and need not be ours to open.
  const durable = new Set([root]);
  return async (folder) => {
    let first = await fs.mkdir(folder, { recursive: true, mode: 0o700 });
    if (first === undefined && !durable.has(folder)) first = folder;
    if (first === undefined) return;
    durable.delete(folder);
    for (let made = folder; made.length >= first.length; made = path.dirname(made)) {
      await syncFolder(fs, path.dirname(made));
    }
    durable.add(folder);
  };
}

async function syncFolder(fs: FileSystem, folder: string): Promise<void> {
  const handle = await fs.open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes a file; false where there was none. */
async function removeQuietly(fs: FileSystem, file: string): Promise<boolean> {
  try {
    await fs.unlink(file);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function readFolder(fs: FileSystem, folder: string): Promise<readonly string[]> {
  try {
    return await fs.readdir(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** The names in a folder that may be anybody's, such as the `lost+found` of a disk: none where it is closed to us. */
async function readAnyFolder(fs: FileSystem, folder: string): Promise<readonly string[]> {
  try {
    return (await fs.lstat(folder)).isDirectory() ? await fs.readdir(folder) : [];
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return [];
  }
}

async function sizeOf(fs: FileSystem, file: string): Promise<number> {
  try {
    return (await fs.lstat(file)).size;
  } catch (error) {
    // Whoever else writes here may have removed it meanwhile.
    if (errnoOf(error) === 'ENOENT') return 0;
    throw error;
  }
}

async function removeTemporaries(fs: FileSystem, root: string): Promise<void> {
  for (const folder of await readFolder(fs, root)) {
    const within = path.join(root, folder);
    for (const name of await readAnyFolder(fs, within)) {
      if (!name.endsWith(temporarySuffix)) continue;
      // One that stays takes room, and nothing else.
      await removeQuietly(fs, path.join(within, name)).catch(() => false);
    }
  }
}

/** What may still be written: the lesser of the quota's and the disk's rest. */
async function measureFree(fs: FileSystem, root: string, storageBytes: number): Promise<number> {
  let used = 0;
  for (const folder of await readFolder(fs, root)) {
    const within = path.join(root, folder);
    for (const name of await readAnyFolder(fs, within))
      used += await sizeOf(fs, path.join(within, name));
  }
  const { bavail, bsize } = await fs.statfs(root);
  return Math.min(storageBytes - used, bavail * bsize);
}

function codeOf(error: unknown): 'storage-full' | 'storage-failed' | 'file-misplaced' {
  if (error instanceof Misplaced) return 'file-misplaced';
  const errno = errnoOf(error);
  // Broken invariants are no failures of the disk.
  if (errno === undefined) throw error;
  return errno === 'ENOSPC' || errno === 'EDQUOT' ? 'storage-full' : 'storage-failed';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
