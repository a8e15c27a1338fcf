import path from 'node:path';
import { CodedError } from '../../protocol/coded-error.js';
import { tryFolder } from '../keys/folder-turn.js';
import { RolloutStore } from './rollout-store.js';

/**
 * Makes sure that one process at a time decides what a slot runs, and gives the way to leave it; undefined
 * where another one has it. The lock ends with its process, however that ends.
 */
export function tryRolloutLock(
  keyFolder: string,
  slot: string,
): Promise<(() => Promise<void>) | undefined> {
  return tryFolder(path.join(keyFolder, 'rollouts', `${slot}.lock`));
}

/** The same; throws `rollout-running` where another process has it. */
export async function lockRollout(keyFolder: string, slot: string): Promise<() => Promise<void>> {
  const unlock = await tryRolloutLock(keyFolder, slot);
  if (unlock === undefined) throw new CodedError('rollout-running', `slot ${slot}`);
  return unlock;
}

/**
 * Does something that would supersede a rollout of the slot, where there is none that is still open.
 * Throws `rollout-exists`, and `rollout-running` where another process decides about the slot.
 */
export async function withoutRollout<T>(
  keyFolder: string,
  slot: string,
  work: () => Promise<T>,
): Promise<T> {
  const unlock = await tryRolloutLock(keyFolder, slot);
  try {
    // Whoever has the lock may be a controller: what to do about its rollout says more than that it runs.
    new RolloutStore(keyFolder).refuseOpen(slot);
    if (unlock === undefined) throw new CodedError('rollout-running', `slot ${slot}`);
    return await work();
  } finally {
    await unlock?.();
  }
}
