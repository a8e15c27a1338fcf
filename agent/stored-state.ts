import { CodedError } from '../protocol/coded-error.js';
import { openFileStorage } from './adapters/file-storage.js';
import { createNodeCrypto } from './adapters/node-crypto.js';
import { lockStateDir } from './adapters/state-lock.js';
import type { Effect } from './core/effect.js';
import { Tasks, wait, type Process } from './core/process.js';
import {
  emptyRecord,
  withoutReleases,
  type DeviceRecord,
  type SlotRecord,
} from './core/state/record.js';
import type { NewestCopy } from './core/state/newest-copy.js';
import { readRecord, RecordKeeper } from './core/state/record-keeper.js';
import { bytesOf, holdingsOf } from './core/store/holdings.js';
import type { Storage } from './ports/storage.js';

/** One slot as it is on disk. */
export interface StoredSlot {
  readonly slot: string;
  readonly record: SlotRecord;
  /** Bytes of the files that its releases need, shared ones too. */
  readonly bytes: number;
}

/** Never asked for room: nothing is brought in here. */
const storageBytes = Number.MAX_SAFE_INTEGER;

/**
 * What is in a state directory, read without changing anything: its agent may be running. Throws
 * `state-from-later-version`, `state-lost`, or what the disk says.
 */
export async function readStoredSlots(stateDir: string): Promise<readonly StoredSlot[]> {
  const storage = await openFileStorage({ folder: stateDir, storageBytes, readOnly: true });
  const tasks = new Tasks();
  const { slots } = recordOf(await carryOut(tasks, readRecord(), storage));
  const holdings = await carryOut(tasks, holdingsOf(slots), storage);
  return [...slots].map(([slot, record]) => ({
    slot,
    record,
    bytes: bytesOf(holdings.get(slot) ?? new Map()),
  }));
}

/**
 * Drops the releases of a slot from the record, so that the agent removes their files when it runs next. Throws `state-dir-in-use` while the agent runs, and `slot-unknown`.
 */
export async function forgetStoredSlot(stateDir: string, slot: string): Promise<void> {
  const unlock = await lockStateDir(stateDir);
  try {
    const storage = await openFileStorage({ folder: stateDir, storageBytes });
    const tasks = new Tasks();
    const { slots } = recordOf(await carryOut(tasks, readRecord(), storage));
    if (!slots.has(slot)) throw new CodedError('slot-unknown', `${slot} is not on record`);
    const keeper = new RecordKeeper(tasks);
    await carryOut(tasks, keeper.open(), storage);
    const committing = wait(keeper.commit((record) => withoutReleases(record, slot)));
    const committed = await carryOut(tasks, committing, storage);
    if (!committed.ok) throw new CodedError(committed.rejection.code, committed.rejection.detail);
  } finally {
    await unlock();
  }
}

function recordOf(found: NewestCopy): DeviceRecord {
  switch (found) {
    case 'absent':
      return emptyRecord;
    case 'later':
      throw new CodedError('state-from-later-version', 'this version does not know its format');
    case 'lost':
      throw new CodedError('state-lost', 'no copy of the state record is whole');
    case 'unreadable':
      throw new CodedError('storage-failed', 'the state record cannot be read');
    default:
      return found.record;
  }
}

/**
 * Carries a process of the core out to its end on a storage alone. What it would wait for is refused: whoever is at the
 * command line is told at once, and tries again.
 */
async function carryOut<T>(tasks: Tasks, course: Process<T>, storage: Storage): Promise<T> {
  let ended: { readonly value: T } | undefined;
  tasks.run(
    (function* (): Process<void> {
      ended = { value: yield* course };
    })(),
  );
  for (;;) {
    const effects = tasks.takeEffects();
    if (effects.length === 0) break;
    for (const effect of effects) {
      if ('request' in effect) tasks.answer(effect.request, await answerTo(effect, storage));
    }
  }
  if (ended === undefined) throw new Error('the process waits for what never comes');
  return ended.value;
}

async function answerTo(
  effect: Effect & { readonly request: number },
  storage: Storage,
): Promise<unknown> {
  switch (effect.kind) {
    case 'read':
      return storage.read(effect.name, effect.limitBytes);
    case 'write':
      return storage.write(effect.name, effect.bytes);
    case 'list':
      return storage.list(effect.folder);
    case 'digest':
      return createNodeCrypto().sha256(effect.bytes);
    case 'wait':
      throw new CodedError('storage-failed', 'a file of the state cannot be read now');
    default:
      throw new Error(`nobody carries ${effect.kind} out here`);
  }
}
