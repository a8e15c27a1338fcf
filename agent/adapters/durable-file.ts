import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

/**
 * Replaces a file as a whole: when this returns the new content is durable, and a power cut before that leaves the
 * old or the new, never a mixture. Without the last step, the fsync of the folder, the old name may come back.
 * Throws what the system says.
 *
 * @param options.mode of a file that is new
 * @param options.unfinished the end of the name of what is not whole yet
 */
export function writeDurably(
  file: string,
  content: string | Uint8Array,
  { mode = 0o666, unfinished = '.new' }: { mode?: number; unfinished?: string } = {},
): void {
  writeFileSync(`${file}${unfinished}`, content, { mode, flush: true });
  renameSync(`${file}${unfinished}`, file);
  syncFolder(path.dirname(path.resolve(file)));
}

/**
 * Writes a file that is not there yet: when this returns it is durable. A power cut before that may leave a part of it.
 * Throws what the system says, and `EEXIST` where the file is there.
 */
export function writeNewDurably(
  file: string,
  content: string | Uint8Array,
  { mode = 0o666 }: { mode?: number } = {},
): void {
  writeFileSync(file, content, { mode, flag: 'wx', flush: true });
  syncFolder(path.dirname(path.resolve(file)));
}

function syncFolder(folder: string): void {
  // Windows opens no folders, and keeps its own order.
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
