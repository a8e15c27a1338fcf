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

/** How many decisions are kept; the oldest go. */
const decisionLimit = 200;

/** The file is never larger: that many reports of short texts, at most three bytes to a UTF-16 code unit. */
export const decisionLogBytes = 393_216;

/** Reports after which nothing more is to come soon. The others wait for one of these, to spare the flash. */
const settling: ReadonlySet<string> = new Set([
  'committed',
  'rejected',
  'rolled-back',
  'promoted',
  'trial-starved',
  'state-lost',
  'release-damaged',
  'factory-serving',
  'factory-refused',
  'document-refused',
]);

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

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  /** Reads what earlier runs have left, for as long as it takes; nothing is written before. */
  *open(): Process<void> {
    const file = yield* readPatiently(decisionLogName, decisionLogBytes);
    const before = file.ok && file.value !== undefined ? decodeDecisions(file.value) : [];
    this.#decisions = [...before, ...this.#decisions].slice(-decisionLimit);
    this.#opened = true;
    if (this.#dirty) this.#write();
  }

  add(decision: Decision): void {
    this.#decisions.push(decision);
    this.#decisions = this.#decisions.slice(-decisionLimit);
    if (!settling.has(decision.event)) return;
    this.#dirty = true;
    this.#write();
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

const keys = ['event', 'slot', 'release', 'code', 'reason'] as const;

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
  const { t, event, release, ...texts } = Object.fromEntries(fields) as Record<string, CborValue>;
  if (typeof t !== 'number' || typeof event !== 'string') return false;
  if (release !== undefined && typeof release !== 'number') return false;
  return Object.values(texts).every((text) => typeof text === 'string');
}
