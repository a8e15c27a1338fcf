import { lockStateDir } from '../../agent/adapters/state-lock.js';
import { CodedError } from '../../protocol/coded-error.js';

/** The locks of the system (`TryLock`). Makes the folder where it is not there. */
export async function tryFolderLock(folder: string): Promise<(() => Promise<void>) | undefined> {
  try {
    return await lockStateDir(folder);
  } catch (error) {
    if (error instanceof CodedError && error.code === 'state-dir-in-use') return undefined;
    throw error;
  }
}
