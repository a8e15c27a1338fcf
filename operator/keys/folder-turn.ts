import { CodedError } from '../../protocol/coded-error.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';
import type { TryLock } from '../ports/folder-lock.js';

/** Does something while nobody else does so, and gives what comes of it. */
export type Exclusively = <T>(work: () => T | Promise<T>) => Promise<T>;

const lookMs = 25;

/** A turn reads two retained messages and publishes two: seconds, where the broker is far away. */
const patienceMs = 30_000;

/**
 * Takes turns with all who share a key folder. Its numbers, and the beacon that lists every slot, are read,
 * changed and written back: two at once, and one would be lost.
 *
 * What is given throws `keys-busy` where the others do not come to an end, and what the work throws.
 */
export function takeTurns(tryLock: TryLock, keyFolder: string, scheduler: Scheduler): Exclusively {
  return async (work) => {
    const leave = await waitForTurn(tryLock, keyFolder, scheduler);
    try {
      return await work();
    } finally {
      await leave();
    }
  };
}

async function waitForTurn(
  tryLock: TryLock,
  keyFolder: string,
  scheduler: Scheduler,
): Promise<() => Promise<void>> {
  for (let waitedMs = 0; ; waitedMs += lookMs) {
    const leave = await tryLock(keyFolder);
    if (leave !== undefined) return leave;
    if (waitedMs >= patienceMs) throw new CodedError('keys-busy', keyFolder);
    await new Promise<void>((resolve) => scheduler.after(lookMs, resolve));
  }
}
