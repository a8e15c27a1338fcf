import { parseFields } from '../../protocol/cbor/fields.js';
import { parseReleaseRef } from '../../protocol/documents/release-ref.js';
import { limits } from '../../protocol/limits.js';
import { parseDisagreement, type Disagreements } from '../../protocol/messages/disagreements.js';
import type { Result } from '../../protocol/result.js';
import { deviceIdPattern, slotPattern } from '../../protocol/topics.js';

/** Reads what a device says for others: nothing of tinylamp's own listens to it. */
export function parseDisagreements(payload: Uint8Array): Result<Disagreements> {
  return parseFields(payload, 'disagreements', (fields) => {
    fields.integer(0, [1, 1]);
    return {
      deviceId: fields.text(1, [1, 64], deviceIdPattern),
      slot: fields.text(2, [1, 32], slotPattern),
      champion: fields.value(3, parseReleaseRef),
      challenger: fields.value(4, parseReleaseRef),
      salt: fields.bytes(5, [8, 8]),
      life: fields.bytes(6, [8, 8]),
      entries: fields.list(7, [1, limits.disagreements], parseDisagreement),
    };
  });
}
