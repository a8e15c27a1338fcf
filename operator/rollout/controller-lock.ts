import { CodedError } from '../../protocol/coded-error.js';
import type { TryLock } from '../ports/folder-lock.js';
import type { RolloutStore } from './rollout-store.js';

/**
 * Makes sure that one process at a time decides what a slot runs, and gives the way to leave it; undefined
 * where another one has it.
 */
export function tryRolloutLock(
  tryLock: TryLock,
  store: RolloutStore,
  slot: string,
): Promise<(() => Promise<void>) | undefined> {
  return tryLock(store.lockFolderOf(slot));
}

/** The same; throws `rollout-running` where another process has it. */
export async function lockRollout(
  tryLock: TryLock,
  store: RolloutStore,
  slot: string,
): Promise<() => Promise<void>> {
  const unlock = await tryRolloutLock(tryLock, store, slot);
  if (unlock === undefined) throw new CodedError('rollout-running', `slot ${slot}`);
  return unlock;
}

/**
 * Does something that would supersede a rollout of the slot, where there is none that is still open.
 * Throws `rollout-exists`, and `rollout-running` where another process decides about the slot.
 */
export async function withoutRollout<T>(
  tryLock: TryLock,
  store: RolloutStore,
  slot: string,
  work: () => Promise<T>,
): Promise<T> {
  const unlock = await tryRolloutLock(tryLock, store, slot);
  try {
    // Whoever has the lock may be a controller: what to do about its rollout says more than that it runs.
    store.refuseOpen(slot);
    if (unlock === undefined) throw new CodedError('rollout-running', `slot ${slot}`);
    return await work();
  } finally {
    await unlock?.();
  }
}
