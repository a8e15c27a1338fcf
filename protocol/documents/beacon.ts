import { encodeCbor } from '../cbor/encode.js';
import { Fields, parseFields } from '../cbor/fields.js';
import type { CborValue } from '../cbor/value.js';
import { limits } from '../limits.js';
import type { Result } from '../result.js';
import { slotPattern } from '../topics.js';
import { parseReleaseRef, releaseRefValue, type ReleaseRef } from './release-ref.js';

/** Says which documents are current, and until when to believe it. Without it a broker could hide news. */
export interface Beacon {
  /** Only rises. */
  readonly counter: number;
  /** Seconds since the epoch. */
  readonly issued: number;
  readonly expires: number;
  readonly keysetVersion: number;
  readonly slots: ReadonlyMap<string, SlotBeacon>;
}

/** What is current in one slot. */
export interface SlotBeacon {
  readonly policyVersion: number;
  /** SHA-256 of the signed policy as carried. */
  readonly policy: Uint8Array;
  /** The releases that the policy names. */
  readonly releases: readonly ReleaseRef[];
  /** No release of an older security epoch may run. */
  readonly epochFloor: number;
  /** The sequence number of the release that was promoted last: nothing older comes back. 0 where none was. */
  readonly promotedFloor: number;
}

const anyInteger = [0, Number.MAX_SAFE_INTEGER] as const;

/** Reads a beacon from a payload whose signature holds. */
export function parseBeacon(payload: Uint8Array): Result<Beacon> {
  return parseFields(payload, 'beacon', (fields) => {
    fields.integer(0, [1, 1]);
    return {
      counter: fields.integer(1, [1, Number.MAX_SAFE_INTEGER]),
      issued: fields.integer(2, anyInteger),
      expires: fields.integer(3, anyInteger),
      keysetVersion: fields.integer(4, [1, Number.MAX_SAFE_INTEGER]),
      slots: fields.table(5, slotPattern, parseSlot),
    };
  });
}

/** The payload of a beacon, in deterministic CBOR. */
export function encodeBeacon(beacon: Beacon): Uint8Array {
  const slots = new Map<string, CborValue>();
  for (const [name, slot] of beacon.slots) {
    const fields = new Map<number, CborValue>([
      [1, slot.policyVersion],
      [2, slot.policy],
      [3, slot.releases.map(releaseRefValue)],
      [4, slot.epochFloor],
    ]);
    if (slot.promotedFloor > 0) fields.set(5, slot.promotedFloor);
    slots.set(name, fields);
  }
  return encodeCbor(
    new Map<number, CborValue>([
      [0, 1],
      [1, beacon.counter],
      [2, beacon.issued],
      [3, beacon.expires],
      [4, beacon.keysetVersion],
      [5, slots],
    ]),
  );
}

function parseSlot(value: CborValue, path: string): SlotBeacon {
  return Fields.read(value, path, (fields) => ({
    policyVersion: fields.integer(1, [1, Number.MAX_SAFE_INTEGER]),
    policy: fields.bytes(2, [32, 32]),
    releases: fields.list(3, [1, limits.arms + 1], parseReleaseRef),
    epochFloor: fields.integer(4, anyInteger),
    promotedFloor: fields.optional(5, () => fields.integer(5, [1, Number.MAX_SAFE_INTEGER])) ?? 0,
  }));
}
