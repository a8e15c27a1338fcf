import { constants } from 'node:fs';
import path from 'node:path';
import { answerOf, type Course } from './course.js';
import { errnoOf, type FileSystem } from './file-system.js';

/** Files that are being written end so, and are garbage when the process starts. */
export const temporarySuffix = '.new';

/**
 * Makes folders below a root durably: a new folder is lost unless the one above is synced too, and so up to the
 * first that was made. One that is there already is synced once: who made it may have died before.
 */
export function createFolderMaker(fs: FileSystem, root: string): (folder: string) => Course<void> {
  // The folder above the root belongs to somebody else, and need not be ours to open.
  const durable = new Set([root]);
  return function* (folder) {
    let first = yield* answerOf(fs.mkdir(folder, { recursive: true, mode: 0o700 }));
    if (first === undefined && !durable.has(folder)) first = folder;
    if (first === undefined) return;
    durable.delete(folder);
    for (let made = folder; made.length >= first.length; made = path.dirname(made)) {
      yield* syncFolder(fs, path.dirname(made));
    }
    durable.add(folder);
  };
}

/** Makes durable which names a folder has. */
export function* syncFolder(fs: FileSystem, folder: string): Course<void> {
  const handle = yield* answerOf(fs.open(folder, constants.O_RDONLY | constants.O_DIRECTORY));
  try {
    yield* answerOf(handle.sync());
  } finally {
    yield* answerOf(handle.close());
  }
}

/** Removes a file; false where there was none. */
export function* removeQuietly(fs: FileSystem, file: string): Course<boolean> {
  try {
    yield* answerOf(fs.unlink(file));
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** The names in a folder; none where it is not there. */
export function* readFolder(fs: FileSystem, folder: string): Course<readonly string[]> {
  try {
    return yield* answerOf(fs.readdir(folder));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** The names in a folder that may be anybody's, such as the `lost+found` of a disk: none where it is closed to us. */
function* readAnyFolder(fs: FileSystem, folder: string): Course<readonly string[]> {
  try {
    return (yield* answerOf(fs.lstat(folder))).isDirectory()
      ? yield* answerOf(fs.readdir(folder))
      : [];
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return [];
  }
}

function* sizeOf(fs: FileSystem, file: string): Course<number> {
  try {
    return (yield* answerOf(fs.lstat(file))).size;
  } catch (error) {
    // Whoever else writes here may have removed it meanwhile.
    if (errnoOf(error) === 'ENOENT') return 0;
    throw error;
  }
}

/** Removes what was being written when a process died. */
export function* removeTemporaries(fs: FileSystem, root: string): Course<void> {
  for (const folder of yield* readFolder(fs, root)) {
    const within = path.join(root, folder);
    for (const name of yield* readAnyFolder(fs, within)) {
      if (!name.endsWith(temporarySuffix)) continue;
      // One that stays takes room, and nothing else.
      try {
        yield* removeQuietly(fs, path.join(within, name));
      } catch {
        continue;
      }
    }
  }
}

/** What may still be written: the lesser of the quota's and the disk's rest. */
export function* measureFree(fs: FileSystem, root: string, storageBytes: number): Course<number> {
  let used = 0;
  for (const folder of yield* readFolder(fs, root)) {
    const within = path.join(root, folder);
    for (const name of yield* readAnyFolder(fs, within))
      used += yield* sizeOf(fs, path.join(within, name));
  }
  const { bavail, bsize } = yield* answerOf(fs.statfs(root));
  return Math.min(storageBytes - used, bavail * bsize);
}
