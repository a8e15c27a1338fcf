import { limits } from '../../../protocol/limits.js';
import { ask, Signal, Turnstile, type Process, type Tasks } from '../process.js';
import { accept, type Result } from '../../../protocol/result.js';
import { readFile } from './read-file.js';
import { emptyRecord, type DeviceRecord } from './record.js';
import { decodeRecord, encodeRecord, type RecordCopy } from './record-codec.js';

/** The two copies, in the order in which a commit writes them. */
const copies = ['state/a', 'state/b'] as const;

type FoundCopy = ReturnType<typeof decodeRecord> | 'absent' | 'unreadable';

/** A record is far smaller; more than this is not ours. */
const copyLimitBytes = 262144;

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
   * Reads the record at the start. `new` where there is none, `lost` where both copies are damaged: then
   * the device begins empty, and its floors come from the keyset and the beacon. Where the disk fails it waits
   * for minutes: what cannot be read is not damaged yet.
   */
  *open(): Process<'new' | 'kept' | 'lost'> {
    let found = yield* this.#readCopies();
    for (let waitedMs = 0; waitedMs < limits.recordPatienceMs; waitedMs += limits.recordPauseMs) {
      if (found.some(isWhole) || !found.includes('unreadable')) break;
      this.#tasks.tell('log', { level: 'error', event: 'state-unreadable', fields: { waitedMs } });
      yield* ask('wait', { delayMs: limits.recordPauseMs });
      found = yield* this.#readCopies();
    }
    let newest: RecordCopy | undefined;
    for (const copy of found) {
      if (!isWhole(copy)) continue;
      if (newest === undefined || copy.generation > newest.generation) newest = copy;
    }
    if (newest === undefined) return found.every((copy) => copy === 'absent') ? 'new' : 'lost';
    this.#kept = newest;
    // A commit overwrites the newest copy too, so the other one must be whole before the next commit.
    for (const [i, name] of copies.entries()) {
      const copy = found[i];
      if (isWhole(copy) && copy.generation === newest.generation) continue;
      yield* ask('write', { name, bytes: encodeRecord(newest) });
    }
    return 'kept';
  }

  *#readCopies(): Process<readonly FoundCopy[]> {
    const found: FoundCopy[] = [];
    for (const name of copies) {
      const file = yield* readFile(name, copyLimitBytes);
      if (!file.ok) {
        found.push(file.rejection.code === 'storage-failed' ? 'unreadable' : 'damaged');
      } else if (file.value === undefined) found.push('absent');
      else found.push(decodeRecord(file.value));
    }
    return found;
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
    const [a, b] = copies;
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

function isWhole(copy: FoundCopy | undefined): copy is RecordCopy {
  return typeof copy === 'object';
}
