import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { accept, refuse, type Result } from '../../protocol/result.js';

/**
 * Reads a release file that the owner of the device has put on its disk. Links are followed: it is the owner's file.
 * Refuses with `file-unreadable` or `file-too-large`.
 */
export async function readFactoryFile(
  file: string,
  limitBytes: number,
): Promise<Result<Uint8Array>> {
  try {
    // A pipe in its place must not block for ever.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await handle.stat();
      if (!found.isFile()) return refuse('file-unreadable', `${file} is no file`);
      if (found.size > limitBytes) {
        return refuse('file-too-large', `${file} has ${found.size} bytes, at most ${limitBytes}`);
      }
      return accept(new Uint8Array(await handle.readFile()));
    } finally {
      await handle.close();
    }
  } catch (error) {
    return refuse('file-unreadable', error instanceof Error ? error.message : String(error));
  }
}
