import path from 'node:path';
import { lockStateDir } from '../../agent/adapters/state-lock.js';
import { CodedError } from '../../agent/core/coded-error.js';

/**
 * Makes sure that one process at a time decides about the rollout of a slot, and gives the way to leave it;
 * undefined where another one has it. The lock ends with its process, however that ends.
 */
export async function tryRolloutLock(
  keyFolder: string,
  slot: string,
): Promise<(() => Promise<void>) | undefined> {
  try {
    return await lockStateDir(path.join(keyFolder, 'rollouts', `${slot}.lock`));
  } catch (error) {
    if (error instanceof CodedError && error.code === 'state-dir-in-use') return undefined;
    throw error;
  }
}

/** The same; throws `rollout-running` where another process has it. */
export async function lockRollout(keyFolder: string, slot: string): Promise<() => Promise<void>> {
  const unlock = await tryRolloutLock(keyFolder, slot);
  if (unlock === undefined) throw new CodedError('rollout-running', `slot ${slot}`);
  return unlock;
}
