import { constants } from 'node:fs';
import { answerOf, type Course } from './course.js';
import { errnoOf, type FileSystem, type OpenFile } from './file-system.js';

/**
 * What stands under a name that belongs to the agent. `misplaced`: a link, which is not followed, or anything
 * else that the agent would never make there.
 */
type Found = 'absent' | 'file' | 'folder' | 'misplaced';

/** Thrown where a name of the agent's is taken by what it may not remove. */
export class Misplaced extends Error {}

function* find(fs: FileSystem, name: string): Course<Found> {
  try {
    const found = yield* answerOf(fs.lstat(name));
    if (found.isFile()) return 'file';
    return found.isDirectory() ? 'folder' : 'misplaced';
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'absent';
    throw error;
  }
}

/** Whether a folder is there. Throws {@link Misplaced} where something else is. */
export function* hasFolder(fs: FileSystem, folder: string): Course<boolean> {
  const found = yield* find(fs, folder);
  if (found === 'folder' || found === 'absent') return found === 'folder';
  throw new Misplaced(`${folder} is no folder, and links are not followed`);
}

/**
 * Opens a file in a folder that is there. Undefined where there is no such file; throws {@link Misplaced} where
 * something else is. Node has no `openat`: who swaps the folder for a link between two calls could still
 * lead the agent elsewhere, and only who may write in it can.
 */
export function* openToRead(fs: FileSystem, file: string): Course<OpenFile | undefined> {
  const found = yield* find(fs, file);
  if (found === 'absent') return undefined;
  if (found !== 'file') throw new Misplaced(`${file} is no file, and links are not followed`);
  // A pipe in the place of the file, put there just now, must not block for ever.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  return yield* answerOf(fs.open(file, flags));
}

/**
 * Makes way for a folder or a file that is to be written: a link goes, whatever it leads to stays. What is not
 * the agent's to remove, such as a folder in the place of a file, throws {@link Misplaced}.
 */
export function* makeWay(fs: FileSystem, name: string, wanted: 'file' | 'folder'): Course<void> {
  const found = yield* find(fs, name);
  if (found === 'absent' || found === wanted) return;
  if (found !== 'misplaced') throw new Misplaced(`${name} is no ${wanted}`);
  yield* answerOf(fs.unlink(name));
}
