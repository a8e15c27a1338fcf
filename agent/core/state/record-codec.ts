import { shortestTrial } from '../../../protocol/documents/policy.js';
import { decodeCbor } from '../../../protocol/cbor/decode.js';
import { encodeCbor } from '../../../protocol/cbor/encode.js';
import {
  checkInteger,
  checkList,
  checkText,
  Fields,
  parseFields,
  type Bounds,
} from '../../../protocol/cbor/fields.js';
import type { CborValue } from '../../../protocol/cbor/value.js';
import { slotPattern } from '../../../protocol/topics.js';
import { crc32 } from './checksum.js';
import {
  candidatePhases,
  type DeviceRecord,
  type NamedPolicy,
  type SlotRecord,
  type StoredBeacon,
  type StoredCandidate,
  type StoredRelease,
} from './record.js';

/** One of the two copies on disk. */
export interface RecordCopy {
  /** The copy with the higher one counts. */
  readonly generation: number;
  readonly record: DeviceRecord;
}

/**
 * The format that is written. Format 1 is read too: it had the counter of the beacon only, and no digest of a policy.
 *
 * What holds in every format, also those to come: a copy is `[checksum, body]`, and the checksum is the CRC-32 of the
 * body. Keys are integers. An unknown positive key is critical: whoever does not know it leaves the copy alone, as
 * with a later format. A negative key may be ignored, and is lost with the next commit.
 */
const formatVersion = 2;
const any: Bounds = [0, Number.MAX_SAFE_INTEGER];
/** Slots that left the configuration keep their floors: hundreds of them are read again. */
const recordItems = 65_536;
const digestPattern = /^[0-9a-f]{64}$/;

/** A copy as bytes: `[checksum, body]`, the CRC-32 being that of the body. */
export function encodeRecord({ generation, record }: RecordCopy): Uint8Array {
  const slots = new Map<string, CborValue>();
  for (const [name, slot] of record.slots) slots.set(name, slotValue(slot));
  const fields = new Map<number, CborValue>([
    [0, formatVersion],
    [1, generation],
    [2, record.boot],
    [3, record.keysetVersion],
    [5, slots],
    [6, record.timeFloorMs],
  ]);
  if (record.beacon !== undefined) {
    const { counter, issued, expires, keysetVersion } = record.beacon;
    fields.set(4, [counter, issued, expires, keysetVersion]);
  }
  const body = encodeCbor(fields);
  return encodeCbor([crc32(body), body]);
}

/**
 * The copy in these bytes. `damaged` where they are torn, rotten or not ours: the checksum does not hold. `later` where
 * it holds and the body says what this agent does not understand: a later agent has written it.
 */
export function decodeRecord(bytes: Uint8Array): RecordCopy | 'damaged' | 'later' {
  const outer = decodeCbor(bytes);
  if (!outer.ok || !Array.isArray(outer.value)) return 'damaged';
  const [checksum, body, ...more] = outer.value as readonly CborValue[];
  if (!(body instanceof Uint8Array) || checksum !== crc32(body)) return 'damaged';
  const copy = parseFields(body, 'state', readCopy, recordItems);
  return copy.ok && more.length === 0 ? copy.value : 'later';
}

function readCopy(fields: Fields): RecordCopy {
  const format = fields.integer(0, [1, formatVersion]);
  return {
    generation: fields.integer(1, any),
    record: {
      boot: fields.integer(2, any),
      keysetVersion: fields.integer(3, any),
      beacon: format === 1 ? countedBeacon(fields) : storedBeacon(fields),
      timeFloorMs: format === 1 ? 0 : fields.integer(6, any),
      slots: fields.table(5, slotPattern, parseSlot),
    },
  };
}

/** The beacon of a record of format 1. */
function countedBeacon(fields: Fields): StoredBeacon | undefined {
  const counter = fields.integer(4, any);
  return counter === 0 ? undefined : { counter, issued: 0, expires: 0, keysetVersion: 0 };
}

function storedBeacon(fields: Fields): StoredBeacon | undefined {
  return fields.optional(4, () =>
    fields.value(4, (value, path) => {
      const [counter, issued, expires, keysetVersion] = checkList(value, [4, 4], path);
      return {
        counter: checkInteger(counter, any, path),
        issued: checkInteger(issued, any, path),
        expires: checkInteger(expires, any, path),
        keysetVersion: checkInteger(keysetVersion, any, path),
      };
    }),
  );
}

function slotValue(slot: SlotRecord): CborValue {
  const fields = new Map<number, CborValue>([
    [4, slot.sequenceFloor],
    [5, slot.epochFloor],
    [6, slot.policyVersion],
    [7, slot.rejected],
  ]);
  if (slot.current !== undefined) fields.set(1, releaseValue(slot.current));
  if (slot.previous !== undefined) fields.set(2, releaseValue(slot.previous));
  if (slot.candidate !== undefined) {
    const { phase, attempts, soakMs, inferences, terms } = slot.candidate;
    fields.set(3, [
      ...releaseValue(slot.candidate),
      candidatePhases.indexOf(phase),
      attempts,
      soakMs,
      inferences,
      terms.soakMs,
      terms.inferences,
    ]);
  }
  if (slot.policyDigest !== undefined) fields.set(8, slot.policyDigest);
  if (slot.namedPolicy !== undefined) {
    fields.set(9, [slot.namedPolicy.version, slot.namedPolicy.digest]);
  }
  return fields;
}

function releaseValue({ sequence, manifest }: StoredRelease): readonly (number | string)[] {
  return [sequence, manifest];
}

function parseSlot(value: CborValue, path: string): SlotRecord {
  return Fields.read(value, path, (fields) => ({
    current: fields.optional(1, () => fields.value(1, parseRelease)),
    previous: fields.optional(2, () => fields.value(2, parseRelease)),
    candidate: fields.optional(3, () => fields.value(3, parseCandidate)),
    sequenceFloor: fields.integer(4, any),
    epochFloor: fields.integer(5, any),
    policyVersion: fields.integer(6, any),
    rejected: fields.list(7, [0, 1024], parseDigest),
    policyDigest: fields.optional(8, () => fields.value(8, parseDigest)),
    namedPolicy: fields.optional(9, () => fields.value(9, parseNamedPolicy)),
  }));
}

function parseDigest(value: CborValue | undefined, path: string): string {
  return checkText(value, [64, 64], digestPattern, path);
}

function parseNamedPolicy(value: CborValue, path: string): NamedPolicy {
  const [version, digest] = checkList(value, [2, 2], path);
  return { version: checkInteger(version, any, path), digest: parseDigest(digest, path) };
}

function parseRelease(value: CborValue, path: string): StoredRelease {
  const [sequence, manifest] = checkList(value, [2, 2], path);
  return { sequence: checkInteger(sequence, any, path), manifest: parseDigest(manifest, path) };
}

function parseCandidate(value: CborValue, path: string): StoredCandidate {
  const [sequence, manifest, phase, attempts, soakMs, inferences, ...terms] = checkList(
    value,
    [6, 8],
    path,
  );
  // The first records of format 1 had no terms.
  const [termSoakMs = shortestTrial.soakMs, termInferences = shortestTrial.inferences] = terms;
  const last = candidatePhases.length - 1;
  return {
    sequence: checkInteger(sequence, any, path),
    manifest: parseDigest(manifest, path),
    phase: candidatePhases[checkInteger(phase, [0, last], path)] ?? 'staged',
    attempts: checkInteger(attempts, any, path),
    soakMs: checkInteger(soakMs, any, path),
    inferences: checkInteger(inferences, any, path),
    terms: {
      soakMs: checkInteger(termSoakMs, any, path),
      inferences: checkInteger(termInferences, any, path),
    },
  };
}
