import { lockStateDir } from '../../agent/adapters/state-lock.js';
import { CodedError } from '../../protocol/coded-error.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';

/** Does something while nobody else does so, and gives what comes of it. */
export type Exclusively = <T>(work: () => T | Promise<T>) => Promise<T>;

const lookMs = 25;

/** A turn reads two retained messages and publishes two: seconds, where the broker is far away. */
const patienceMs = 30_000;

/**
 * Makes sure that one process at a time uses a folder, and gives the way to leave it; undefined where
 * another one has it. The lock ends with its process, however that ends.
 */
export async function tryFolder(folder: string): Promise<(() => Promise<void>) | undefined> {
  try {
    return await lockStateDir(folder);
  } catch (error) {
    if (error instanceof CodedError && error.code === 'state-dir-in-use') return undefined;
    throw error;
  }
}

/**
 * Takes turns with all who share a key folder. Its numbers, and the beacon that lists every slot, are read,
 * changed and written back: two at once, and one would be lost.
 *
 * What is given throws `keys-busy` where the others do not come to an end, and what the work throws.
 */
export function takeTurns(keyFolder: string, scheduler: Scheduler): Exclusively {
  return async (work) => {
    const leave = await waitForTurn(keyFolder, scheduler);
    try {
      return await work();
    } finally {
      await leave();
    }
  };
}

async function waitForTurn(keyFolder: string, scheduler: Scheduler): Promise<() => Promise<void>> {
  for (let waitedMs = 0; ; waitedMs += lookMs) {
    const leave = await tryFolder(keyFolder);
    if (leave !== undefined) return leave;
    if (waitedMs >= patienceMs) throw new CodedError('keys-busy', keyFolder);
    await new Promise<void>((resolve) => scheduler.after(lookMs, resolve));
  }
}
