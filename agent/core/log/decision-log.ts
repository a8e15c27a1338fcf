import type { Report } from '../../../protocol/messages/event.js';
import { decodeCbor } from '../../../protocol/cbor/decode.js';
import { encodeCbor } from '../../../protocol/cbor/encode.js';
import type { CborMap, CborValue } from '../../../protocol/cbor/value.js';
import type { Process, Tasks } from '../process.js';
import { readPatiently } from '../state/read-file.js';

/** A report with the wall clock of the device when it was made. */
export interface Decision extends Report {
  /** Milliseconds since the epoch. */
  readonly t: number;
}

/** The file of the log. */
export const decisionLogName = 'log/decisions';

/** How many decisions are kept of what is settled, and as many of all else; the oldest of its kind goes. */
const decisionLimit = 100;

/** The file is never larger: twice that many reports of short texts, at most three bytes to a UTF-16 code unit. */
export const decisionLogBytes = 393_216;

/** What explains the present state of the device. Nothing else pushes it out, and it is written down at once. */
const settled: ReadonlySet<string> = new Set([
  'committed',
  'rejected',
  'rolled-back',
  'promoted',
  'state-lost',
]);

/** What is worth a write, but not at once. The rest waits for one of these, to spare the flash. */
const noteworthy: ReadonlySet<string> = new Set([
  'trial-starved',
  'release-damaged',
  'factory-serving',
  'factory-refused',
  'document-refused',
]);

/** A refusal is on disk after so long; of a flood of them there is one write in that time. */
const writePauseMs = 5_000;

/**
 * What was decided, when and why, kept on disk for `tinylamp log`. It explains and decides nothing: a log
 * that cannot be read or written is begun anew.
 */
export class DecisionLog {
  readonly #tasks: Tasks;
  #decisions: Decision[] = [];
  #opened = false;
  #writing = false;
  #dirty = false;
  #isWaiting = false;

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  /** Reads what earlier runs have left, for as long as it takes; nothing is written before. */
  *open(): Process<void> {
    const file = yield* readPatiently(decisionLogName, decisionLogBytes);
    const before = file.ok && file.value !== undefined ? decodeDecisions(file.value) : [];
    this.#decisions = newest([...before, ...this.#decisions]);
    this.#opened = true;
    if (this.#dirty) this.#write();
  }

  add(decision: Decision): void {
    this.#decisions = newest([...this.#decisions, decision]);
    if (settled.has(decision.event)) this.#writeNow();
    else if (noteworthy.has(decision.event)) this.#writeLater();
  }

  #writeNow(): void {
    this.#dirty = true;
    this.#write();
  }

  #writeLater(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#tasks.after(writePauseMs, () => {
      this.#isWaiting = false;
      this.#writeNow();
    });
  }

  /** One write at a time; what came meanwhile goes with the next. */
  #write(): void {
    if (this.#writing || !this.#opened) return;
    this.#writing = true;
    this.#dirty = false;
    const bytes = encodeDecisions(this.#decisions);
    this.#tasks.ask('write', { name: decisionLogName, bytes }, () => {
      this.#writing = false;
      if (this.#dirty) this.#write();
    });
  }
}

/** The newest decisions of both kinds, in their order. */
function newest(decisions: readonly Decision[]): Decision[] {
  const room = { settled: decisionLimit, other: decisionLimit };
  return decisions
    .toReversed()
    .filter(({ event }) => room[settled.has(event) ? 'settled' : 'other']-- > 0)
    .reverse();
}

const keys = ['event', 'slot', 'release', 'code', 'reason', 'topic', 'count'] as const;

/** Decisions as a file, the oldest first. */
export function encodeDecisions(decisions: readonly Decision[]): Uint8Array {
  return encodeCbor(
    decisions.map((decision): CborValue => {
      const fields = new Map<string, CborValue>([['t', decision.t]]);
      for (const key of keys) {
        const value = decision[key];
        // Texts of strangers may be cut within a character.
        if (value !== undefined) {
          fields.set(key, typeof value === 'string' ? value.slice(0, 512).toWellFormed() : value);
        }
      }
      return fields;
    }),
  );
}

/** Reads a file of decisions; what is none is left out. */
export function decodeDecisions(bytes: Uint8Array): Decision[] {
  const decoded = decodeCbor(bytes);
  if (!decoded.ok || !Array.isArray(decoded.value)) return [];
  return (decoded.value as readonly CborValue[]).flatMap((item) => {
    if (!(item instanceof Map)) return [];
    const fields = item as CborMap;
    return isDecision(fields) ? [Object.fromEntries(fields) as unknown as Decision] : [];
  });
}

/** Names of events and codes are not looked up: a log of a newer version may hold others. */
function isDecision(fields: CborMap): boolean {
  const { t, event, release, count, ...texts } = Object.fromEntries(fields) as Record<
    string,
    CborValue
  >;
  if (typeof t !== 'number' || typeof event !== 'string') return false;
  for (const number of [release, count]) {
    if (number !== undefined && typeof number !== 'number') return false;
  }
  return Object.values(texts).every((text) => typeof text === 'string');
}
