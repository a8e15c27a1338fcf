import type { Fields } from './cbor/fields.js';
import type { CborValue } from './cbor/value.js';
import { parseReleaseRef, releaseRefValue, type ReleaseRef } from './documents/release-ref.js';
import { deviceIdPattern, slotPattern } from './topics.js';

/** Which comparison on which device a message is about: the first fields of all that is signed about one. */
export interface ComparisonHead {
  readonly deviceId: string;
  readonly slot: string;
  /** The rollout's roles, whichever of the two serves. */
  readonly champion: ReleaseRef;
  readonly challenger: ReleaseRef;
  /** That of the rollout's arms, eight bytes. */
  readonly salt: Uint8Array;
  /** Eight random bytes, drawn anew where a device has lost what it knew of the comparison. */
  readonly life: Uint8Array;
}

/** The fields 0 to 6. */
export function comparisonHeadEntries(head: ComparisonHead): [number, CborValue][] {
  return [
    [0, 1],
    [1, head.deviceId],
    [2, head.slot],
    [3, releaseRefValue(head.champion)],
    [4, releaseRefValue(head.challenger)],
    [5, head.salt],
    [6, head.life],
  ];
}

/** Reads them back. Refuses as `fields` does. */
export function parseComparisonHead(fields: Fields): ComparisonHead {
  fields.integer(0, [1, 1]);
  return {
    deviceId: fields.text(1, [1, 64], deviceIdPattern),
    slot: fields.text(2, [1, 32], slotPattern),
    champion: fields.value(3, parseReleaseRef),
    challenger: fields.value(4, parseReleaseRef),
    salt: fields.bytes(5, [8, 8]),
    life: fields.bytes(6, [8, 8]),
  };
}
