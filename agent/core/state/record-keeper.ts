import { limits } from '../../../protocol/limits.js';
import { ask, Signal, Turnstile, wait, type Process, type Tasks } from '../process.js';
import { accept, type Rejection, type Result } from '../../../protocol/result.js';
import {
  foundCopy,
  newestCopy,
  newestWholeCopy,
  type FoundCopy,
  type NewestCopy,
} from './newest-copy.js';
import { patienceMs } from './patience.js';
import { emptyRecord, type DeviceRecord } from './record.js';
import { encodeRecord, type RecordCopy } from './record-codec.js';

/** The two copies, in the order in which a commit writes them. */
const copyNames = ['state/a', 'state/b'] as const;

/** A record is far smaller, also one of a later format; more than this is not ours. */
const copyLimitBytes = 1_048_576;

/**
 * Keeps the record on disk: two copies with generation and checksum. A commit writes A durably, then B.
 * Power loss at any point leaves at least one whole copy, and the newest whole one counts.
 */
export class RecordKeeper {
  readonly #tasks: Tasks;
  readonly #turnstile = new Turnstile();
  #kept: RecordCopy = { generation: 0, record: emptyRecord };

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  /** What was committed last. */
  get record(): DeviceRecord {
    return this.#kept.record;
  }

  /**
   * Reads the record at the start. `new` where there is none, `lost` where no copy is whole and one is damaged: then
   * the device begins empty, and its floors come from the keyset and the beacon. `later` where a later agent
   * has written a copy: then nothing is written, and the device must not run. What cannot be read now is waited for.
   */
  *open(): Process<'new' | 'kept' | 'lost' | 'later'> {
    const found = yield* this.#readPatiently();
    if (found.includes('later')) return 'later';
    const newest = newestWholeCopy(found);
    if (newest === undefined) return found.includes('damaged') ? 'lost' : 'new';
    this.#kept = newest;
    // A commit overwrites the newest copy too, so the other one must be whole before the next commit.
    for (const [i, name] of copyNames.entries()) {
      const copy = found[i];
      if (typeof copy === 'object' && copy.generation === newest.generation) continue;
      yield* ask('write', { name, bytes: encodeRecord(newest) });
    }
    return 'kept';
  }

  /**
   * Reads both copies, and again for as long as it takes where the disk fails. Where one is whole and the
   * other, which may be newer, cannot be read, that has an end: inference must not wait for a broken sector.
   */
  *#readPatiently(): Process<readonly FoundCopy[]> {
    let waitedMs = 0;
    for (let attempt = 1; ; attempt++) {
      const { found, failure } = yield* readCopies();
      if (newestCopy(found) !== 'unreadable') return found;
      if (newestWholeCopy(found) !== undefined && waitedMs >= limits.otherCopyPatienceMs) {
        return found;
      }
      const fields = { waitedMs, ...failure };
      this.#tasks.tell('log', { level: 'error', event: 'state-unreadable', fields });
      const delayMs = patienceMs(attempt);
      yield* ask('wait', { delayMs });
      waitedMs += delayMs;
    }
  }

  /** Writes the copies again where somebody has removed one meanwhile: floors are not to fall at the next start. */
  *mend(): Process<void> {
    const found = yield* ask('list', { folder: 'state' });
    if (!found.ok || this.#kept.generation === 0) return;
    const missing = copyNames.filter((copy) => found.value.every(({ name }) => name !== copy));
    if (missing.length === 0) return;
    this.#tasks.tell('log', { level: 'warn', event: 'state-removed', fields: { missing } });
    yield* wait(this.commit((record) => ({ ...record })));
  }

  /**
   * Counts this start. After `lost` the number goes on from a random one, and also where this cannot be written: then the
   * next start does not know that there was this one. So no label of another run matches. It is above all that is known:
   * whoever hears a device takes the greatest number for the latest.
   */
  *countStart(found: 'new' | 'kept' | 'lost'): Process<Result<void>> {
    const random = yield* randomBootAbove(this.#kept.record.boot);
    const counted = yield* wait(
      this.commit((record) => ({ ...record, boot: found === 'lost' ? random : record.boot + 1 })),
    );
    if (!counted.ok) {
      const { generation, record } = this.#kept;
      this.#kept = { generation, record: { ...record, boot: random } };
    }
    return counted;
  }

  /**
   * Changes the record durably, one change after the other. The signal is given when copy A is durable,
   * with copy B written or tried; a refusal means that nothing has changed. A commit that was begun is
   * carried through even if whoever asked for it no longer waits.
   */
  commit(change: (record: DeviceRecord) => DeviceRecord): Signal<Result<void>> {
    const committed = new Signal<Result<void>>();
    this.#tasks.run(this.#turnstile.pass(this.#commit(change, committed)));
    return committed;
  }

  *#commit(
    change: (record: DeviceRecord) => DeviceRecord,
    committed: Signal<Result<void>>,
  ): Process<void> {
    const record = change(this.#kept.record);
    if (record === this.#kept.record) {
      committed.give(accept(undefined));
      return;
    }
    const next = { generation: this.#kept.generation + 1, record };
    const bytes = encodeRecord(next);
    const [a, b] = copyNames;
    const first = yield* ask('write', { name: a, bytes });
    if (!first.ok) {
      committed.give(first);
      return;
    }
    this.#kept = next;
    const second = yield* ask('write', { name: b, bytes });
    if (!second.ok) {
      this.#tasks.tell('log', {
        level: 'warn',
        event: 'state-copy-failed',
        fields: { ...second.rejection },
      });
    }
    committed.give(accept(undefined));
  }
}

/** Reads the record once, and changes nothing. */
export function* readRecord(): Process<NewestCopy> {
  return newestCopy((yield* readCopies()).found);
}

/** Reads both copies, with what is in the way of the last that could not be read. */
function* readCopies(): Process<{ found: FoundCopy[]; failure: Rejection | undefined }> {
  const found: FoundCopy[] = [];
  let failure: Rejection | undefined;
  for (const name of copyNames) {
    const file = yield* ask('read', { name, limitBytes: copyLimitBytes });
    if (!file.ok) failure = file.rejection;
    found.push(foundCopy(file));
  }
  return { found, failure };
}

const mostBoot = 2 ** 48;

/** A number above another one, at most 2^48 where there is room below it. */
function* randomBootAbove(known: number): Process<number> {
  const high = yield* ask('random', {});
  const low = yield* ask('random', {});
  const share = ((high % 2 ** 16) * 2 ** 32 + low) / mostBoot;
  return known + 1 + Math.floor(share * Math.max(0, mostBoot - known));
}
