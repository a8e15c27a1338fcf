import { constants } from 'node:fs';
import path from 'node:path';
import type { Storage } from '../ports/storage.js';
import { answerOf, type Course } from './course.js';
import { errnoOf, type FileSystem, type OpenFile } from './file-system.js';
import { hasFolder, makeWay, Misplaced, openToRead } from './own-files.js';
import {
  createFolderMaker,
  measureFree,
  readFolder,
  removeQuietly,
  removeTemporaries,
  syncFolder,
  temporarySuffix,
} from './own-folders.js';
import { accept, refuse, type Result } from '../../protocol/result.js';

export interface FileStorageOptions {
  /** The folder that belongs to this device alone; made where it is missing. */
  readonly folder: string;
  /** All files together may take so much. */
  readonly storageBytes: number;
  /** Whether somebody else may be using the folder: it is neither made nor tidied. */
  readonly readOnly?: boolean;
}

/** The operations of the storage port, to be carried out one after the other. */
export type FileCourses = {
  readonly [K in keyof Storage]: (
    ...args: Parameters<Storage[K]>
  ) => Course<Awaited<ReturnType<Storage[K]>>>;
} & {
  /** Makes the folder, and removes what was being written when the process died; comes first. */
  readonly open: () => Course<void>;
};

const namePattern = /^[a-z]{1,16}\/[A-Za-z0-9_-][A-Za-z0-9._-]{0,159}$/;

/** Room that is kept for the state record, so that it can be written on a disk that is full of images. */
const reserveBytes = 262_144;

/**
 * The storage port on a folder, as courses of calls of the system. Durability is write, fsync, rename, fsync of the folder, in this
 * order; nothing else is durable. After a failed fsync the pages may be marked clean, so it is never tried again
 * on the same file. The folder itself may be a link; below it links are not followed: what is named is what is
 * written. A folder that was removed meanwhile is made again by whatever is written next.
 */
export function createFileCourses(options: FileStorageOptions, fs: FileSystem): FileCourses {
  const root = path.resolve(options.folder);
  const makeFolder = createFolderMaker(fs, root);
  /** Turns what the system says into a code. */
  const operate = function* <T>(name: string, run: () => Course<Result<T>>): Course<Result<T>> {
    try {
      return yield* run();
    } catch (error) {
      return refuse(codeOf(error), `${name}: ${messageOf(error)}`);
    }
  };
  const makeOwnFolder = function* (folder: string): Course<void> {
    yield* makeWay(fs, folder, 'folder');
    yield* makeFolder(folder);
  };
  const locate = (name: string): { file: string; folder: string } => {
    if (!namePattern.test(name)) throw new Error(`${name} is no name of a stored file`);
    const file = path.join(root, name);
    return { file, folder: path.dirname(file) };
  };
  const hasRoom = function* (name: string, bytes: number): Course<boolean> {
    const reserve = name.startsWith('state/') ? 0 : reserveBytes;
    return (yield* measureFree(fs, root, options.storageBytes)) >= bytes + reserve;
  };

  return {
    open: function* () {
      if (options.readOnly === true) return;
      yield* makeFolder(root);
      yield* removeTemporaries(fs, root);
    },

    read: (name, limitBytes) =>
      operate(name, function* () {
        const { file, folder } = locate(name);
        if (!(yield* hasFolder(fs, folder))) return accept(undefined);
        const handle = yield* openToRead(fs, file);
        if (handle === undefined) return accept(undefined);
        try {
          const { size } = yield* answerOf(handle.stat());
          if (size > limitBytes) {
            return refuse('file-too-large', `${name} has ${size} bytes, at most ${limitBytes}`);
          }
          return accept(new Uint8Array(yield* answerOf(handle.readFile())));
        } finally {
          yield* answerOf(handle.close());
        }
      }),

    write: (name, bytes) =>
      operate(name, function* () {
        const { file, folder } = locate(name);
        yield* makeOwnFolder(folder);
        if (!(yield* hasRoom(name, bytes.length))) return refuse('storage-full', name);
        yield* makeWay(fs, file, 'file');
        const temporary = file + temporarySuffix;
        yield* removeQuietly(fs, temporary);
        yield* writeDurably(fs, temporary, bytes);
        yield* answerOf(fs.rename(temporary, file));
        yield* syncFolder(fs, folder);
        return accept(undefined);
      }),

    writeAt: (name, offset, bytes) =>
      operate(name, function* () {
        const { file, folder } = locate(name);
        yield* makeOwnFolder(folder);
        if (!(yield* hasRoom(name, bytes.length))) return refuse('storage-full', name);
        yield* makeWay(fs, file, 'file');
        const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
        const handle = yield* answerOf(fs.open(file, flags, 0o600));
        try {
          yield* writeAll(handle, bytes, offset);
        } finally {
          yield* answerOf(handle.close());
        }
        return accept(undefined);
      }),

    move: (from, to) =>
      operate(from, function* () {
        const source = locate(from);
        const target = locate(to);
        if (!(yield* hasFolder(fs, source.folder)))
          return refuse('storage-failed', `${from} is gone`);
        yield* makeOwnFolder(target.folder);
        yield* makeWay(fs, target.file, 'file');
        const handle = yield* openToRead(fs, source.file);
        if (handle === undefined) return refuse('storage-failed', `${from} is gone`);
        try {
          yield* answerOf(handle.sync());
        } finally {
          yield* answerOf(handle.close());
        }
        yield* answerOf(fs.rename(source.file, target.file));
        yield* syncFolder(fs, target.folder);
        yield* syncFolder(fs, source.folder);
        return accept(undefined);
      }),

    remove: (name) =>
      operate(name, function* () {
        const { file, folder } = locate(name);
        if (!(yield* isOwnFolder(fs, folder))) return accept(undefined);
        if (yield* removeQuietly(fs, file)) yield* syncFolder(fs, folder);
        return accept(undefined);
      }),

    list: (folder) =>
      operate(folder, function* () {
        const files: { name: string; bytes: number }[] = [];
        const within = path.join(root, folder);
        if (!(yield* isOwnFolder(fs, within))) return accept(files);
        for (const entry of yield* readFolder(fs, within)) {
          const name = `${folder}/${entry}`;
          // What the agent did not name, or did not make, is not the agent's.
          if (!namePattern.test(name) || name.endsWith(temporarySuffix)) continue;
          const found = yield* answerOf(fs.lstat(path.join(root, name)));
          if (found.isFile()) files.push({ name, bytes: found.size });
        }
        return accept(files);
      }),

    freeBytes: () =>
      operate('.', function* () {
        yield* makeFolder(root);
        const free = yield* measureFree(fs, root, options.storageBytes);
        return accept(Math.max(0, free - reserveBytes));
      }),
  };
}

/** What is in the place of a folder holds no file of the agent's. */
function* isOwnFolder(fs: FileSystem, folder: string): Course<boolean> {
  try {
    return yield* hasFolder(fs, folder);
  } catch (error) {
    if (error instanceof Misplaced) return false;
    throw error;
  }
}

function* writeDurably(fs: FileSystem, file: string, bytes: Uint8Array): Course<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = yield* answerOf(fs.open(file, flags, 0o600));
  try {
    yield* writeAll(handle, bytes, 0);
    yield* answerOf(handle.sync());
  } finally {
    yield* answerOf(handle.close());
  }
}

/** The system may write a part only, as where a disk is nearly full; the rest then follows, or fails. */
function* writeAll(handle: OpenFile, bytes: Uint8Array, position: number): Course<void> {
  let done = 0;
  while (done < bytes.length) {
    const rest = bytes.length - done;
    const { bytesWritten } = yield* answerOf(handle.write(bytes, done, rest, position + done));
    // Never seen of a file, but it would be tried for ever.
    if (bytesWritten === 0) throw Object.assign(new Error('nothing was written'), { code: 'EIO' });
    done += bytesWritten;
  }
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
