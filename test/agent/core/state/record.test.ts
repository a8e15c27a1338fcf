import assert from 'node:assert/strict';
import { crc32 } from '../../../../agent/core/state/checksum.js';
import {
  slotOf,
  withRejected,
  withSlot,
  emptyRecord,
  emptySlot,
} from '../../../../agent/core/state/record.js';
import { decodeRecord, encodeRecord } from '../../../../agent/core/state/record-codec.js';
import { sampleRecord } from '../../../helpers/records.js';

describe('The state record', () => {
  const copy = { generation: 41, record: sampleRecord };

  it('is read back as it was written', () => {
    assert.deepEqual(decodeRecord(encodeRecord(copy)), copy);
    const empty = { generation: 0, record: emptyRecord };
    assert.deepEqual(decodeRecord(encodeRecord(empty)), empty);
  });

  it('is no record any more after one bit has rotted, wherever it is', () => {
    const bytes = encodeRecord(copy);
    for (let at = 0; at < bytes.length; at++) {
      for (const bit of [1, 128]) {
        assert.equal(decodeRecord(bytes.with(at, (bytes[at] ?? 0) ^ bit)), undefined, `byte ${at}`);
      }
    }
  });

  it('is no record where it was torn, wherever that is', () => {
    const bytes = encodeRecord(copy);
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(decodeRecord(bytes.slice(0, length)), undefined);
      // A file system may have made the file longer before the bytes came.
      assert.equal(
        decodeRecord(
          Uint8Array.from({ length: bytes.length }, (_, i) => (i < length ? (bytes[i] ?? 0) : 0)),
        ),
        undefined,
      );
    }
  });

  it('has the checksum that others compute', () => {
    assert.equal(crc32(new TextEncoder().encode('123456789')), 0xcbf43926);
  });

  it('changes one slot and leaves the others', () => {
    const changed = withSlot(sampleRecord, 'vision', { policyVersion: 9 });
    assert.equal(slotOf(changed, 'vision').policyVersion, 9);
    assert.deepEqual(slotOf(changed, 'vibration'), slotOf(sampleRecord, 'vibration'));
    assert.deepEqual(slotOf(sampleRecord, 'unheard-of'), emptySlot);
  });

  it('remembers a bounded number of refused manifests, the latest last, each once', () => {
    let slot = emptySlot;
    for (let i = 0; i < 100; i++) slot = { ...slot, rejected: withRejected(slot, String(i)) };
    assert.equal(slot.rejected.length, 32);
    assert.equal(slot.rejected.at(-1), '99');
    assert.deepEqual(withRejected(slot, '70').at(-1), '70');
    assert.equal(withRejected(slot, '70').length, 32);
  });
});
