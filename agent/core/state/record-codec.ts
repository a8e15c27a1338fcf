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
  type SlotRecord,
  type StoredCandidate,
  type StoredRelease,
} from './record.js';

/** One of the two copies on disk. */
export interface RecordCopy {
  /** The copy with the higher one counts. */
  readonly generation: number;
  readonly record: DeviceRecord;
}

const formatVersion = 1;
const any: Bounds = [0, Number.MAX_SAFE_INTEGER];
const digestPattern = /^[0-9a-f]{64}$/;

/** A copy as bytes: `[checksum, body]`, the CRC-32 being that of the body. */
export function encodeRecord({ generation, record }: RecordCopy): Uint8Array {
  const slots = new Map<string, CborValue>();
  for (const [name, slot] of record.slots) slots.set(name, slotValue(slot));
  const body = encodeCbor(
    new Map<number, CborValue>([
      [0, formatVersion],
      [1, generation],
      [2, record.boot],
      [3, record.keysetVersion],
      [4, record.beaconCounter],
      [5, slots],
    ]),
  );
  return encodeCbor([crc32(body), body]);
}

/** The copy in these bytes; undefined where they are torn, rotten or not ours. */
export function decodeRecord(bytes: Uint8Array): RecordCopy | undefined {
  const outer = decodeCbor(bytes);
  if (!outer.ok || !Array.isArray(outer.value)) return undefined;
  const [checksum, body] = outer.value as readonly CborValue[];
  if (!(body instanceof Uint8Array) || checksum !== crc32(body)) return undefined;
  const copy = parseFields(body, 'state', (fields): RecordCopy => {
    fields.integer(0, [formatVersion, formatVersion]);
    return {
      generation: fields.integer(1, any),
      record: {
        boot: fields.integer(2, any),
        keysetVersion: fields.integer(3, any),
        beaconCounter: fields.integer(4, any),
        slots: fields.table(5, slotPattern, parseSlot),
      },
    };
  });
  return copy.ok ? copy.value : undefined;
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
    rejected: fields.list(7, [0, 1024], (item, at) => checkText(item, [64, 64], digestPattern, at)),
  }));
}

function parseRelease(value: CborValue, path: string): StoredRelease {
  const [sequence, manifest] = checkList(value, [2, 2], path);
  return {
    sequence: checkInteger(sequence, any, path),
    manifest: checkText(manifest, [64, 64], digestPattern, path),
  };
}

function parseCandidate(value: CborValue, path: string): StoredCandidate {
  const [sequence, manifest, phase, attempts, soakMs, inferences, ...terms] = checkList(
    value,
    [6, 8],
    path,
  );
  // Records of the first version had no terms.
  const [termSoakMs = shortestTrial.soakMs, termInferences = shortestTrial.inferences] = terms;
  const last = candidatePhases.length - 1;
  return {
    sequence: checkInteger(sequence, any, path),
    manifest: checkText(manifest, [64, 64], digestPattern, path),
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
