import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { crc32 } from '../../../../agent/core/state/checksum.js';
import {
  slotOf,
  withRejected,
  withSlot,
  emptyRecord,
  emptySlot,
  candidatePhases,
  type DeviceRecord,
  type SlotRecord,
} from '../../../../agent/core/state/record.js';
import { decodeRecord, encodeRecord } from '../../../../agent/core/state/record-codec.js';
import { shortestTrial } from '../../../../protocol/documents/policy.js';
import { decodeCbor } from '../../../../protocol/cbor/decode.js';
import { encodeCbor } from '../../../../protocol/cbor/encode.js';
import type { CborValue } from '../../../../protocol/cbor/value.js';
import { sampleRecord } from '../../../helpers/records.js';

const copy = { generation: 41, record: sampleRecord };

const integer = fc.maxSafeNat();
const digest = fc.stringMatching(/^[0-9a-f]{64}$/);
/** A record as a literal would make it. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true });
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });
const release = { sequence: integer, manifest: digest };
const slotRecord: fc.Arbitrary<SlotRecord> = record({
  current: maybe(record(release)),
  previous: maybe(record(release)),
  candidate: maybe(
    record({
      ...release,
      phase: fc.constantFrom(...candidatePhases),
      attempts: integer,
      soakMs: integer,
      inferences: integer,
      terms: record({ soakMs: integer, inferences: integer }),
    }),
  ),
  sequenceFloor: integer,
  epochFloor: integer,
  policyVersion: integer,
  policyDigest: maybe(digest),
  namedPolicy: maybe(record({ version: integer, digest })),
  rejected: fc.array(digest, { maxLength: 32 }),
});
const deviceRecord: fc.Arbitrary<DeviceRecord> = record({
  boot: integer,
  keysetVersion: integer,
  beacon: maybe(
    record({ counter: integer, issued: integer, expires: integer, keysetVersion: integer }),
  ),
  timeFloorMs: integer,
  slots: fc
    .dictionary(fc.stringMatching(/^[a-z0-9_-]{1,32}$/), slotRecord, { maxKeys: 4 })
    .map((slots) => new Map(Object.entries(slots))),
});

describe('The state record', () => {
  it('is read back as it was written, whatever it holds', () => {
    assert.deepEqual(decodeRecord(encodeRecord(copy)), copy);
    const empty = { generation: 0, record: emptyRecord };
    assert.deepEqual(decodeRecord(encodeRecord(empty)), empty);
    fc.assert(
      fc.property(integer, deviceRecord, (generation, record) => {
        assert.deepEqual(decodeRecord(encodeRecord({ generation, record })), {
          generation,
          record,
        });
      }),
    );
  });

  it('is read back with the floors of hundreds of slots that left the configuration', () => {
    const rejected = Array.from({ length: 32 }, (_, i) => i.toString(16).padStart(64, '0'));
    const slots = new Map(
      Array.from({ length: 300 }, (_, i) => [`slot-${i}`, { ...emptySlot, rejected }] as const),
    );
    const copy = { generation: 1, record: { ...emptyRecord, slots } };
    assert.deepEqual(decodeRecord(encodeRecord(copy)), copy);
  });

  it('is damaged after one bit has rotted, whichever it is', () => {
    const bytes = encodeRecord(copy);
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 1; bit < 256; bit *= 2) {
        assert.equal(decodeRecord(bytes.with(at, (bytes[at] ?? 0) ^ bit)), 'damaged', `byte ${at}`);
      }
    }
  });

  it('is damaged where it was torn, wherever that is', () => {
    const bytes = encodeRecord(copy);
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(decodeRecord(bytes.slice(0, length)), 'damaged');
      // A file system may have made the file longer before the bytes came.
      assert.equal(
        decodeRecord(
          Uint8Array.from({ length: bytes.length }, (_, i) => (i < length ? (bytes[i] ?? 0) : 0)),
        ),
        'damaged',
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

describe('A state record of format 1', () => {
  const fixture = (name: string): Uint8Array =>
    new Uint8Array(readFileSync(`test/fixtures/state/${name}.bin`));
  /** What format 1 could say of the sample. */
  const before = (slot: SlotRecord): SlotRecord => ({
    ...slot,
    policyDigest: undefined,
    namedPolicy: undefined,
  });
  const migrated: DeviceRecord = {
    ...sampleRecord,
    beacon: { counter: 12, issued: 0, expires: 0, keysetVersion: 0 },
    timeFloorMs: 0,
    slots: new Map([...sampleRecord.slots].map(([name, slot]) => [name, before(slot)])),
  };

  it('is taken over whole, with what it did not know left open', () => {
    assert.deepEqual(decodeRecord(fixture('format-1')), { generation: 41, record: migrated });
  });

  it('gets the terms of the shortest trial where its candidate had none', () => {
    const slot = slotOf(migrated, 'vibration');
    const candidate = slot.candidate && { ...slot.candidate, terms: shortestTrial };
    assert.deepEqual(decodeRecord(fixture('format-1-without-terms')), {
      generation: 41,
      record: withSlot(migrated, 'vibration', { candidate }),
    });
  });

  it('knows no beacon where no beacon was ever counted', () => {
    const body = bodyOf(fixture('format-1'));
    const found = decodeRecord(sealed(body.set(4, 0)));
    assert.ok(typeof found === 'object' && found.record.beacon === undefined);
  });

  it('is damaged after one bit has rotted, as any other', () => {
    const bytes = fixture('format-1');
    for (let at = 0; at < bytes.length; at++) {
      assert.equal(decodeRecord(bytes.with(at, (bytes[at] ?? 0) ^ 1)), 'damaged', `byte ${at}`);
    }
  });
});

describe('A state record of a later agent', () => {
  const current = encodeRecord(copy);

  it('is told from a damaged one, whatever is new in it', () => {
    const body = bodyOf(current);
    const slots = body.get(5) as Map<string, Map<number, CborValue>>;
    const later: Readonly<Record<string, Uint8Array>> = {
      format: sealed(new Map(body).set(0, 3)),
      'distant format': sealed(new Map(body).set(0, 99).set(9, 'something new')),
      'no generation any more': sealed(new Map([[0, 3]])),
      'format spelled otherwise': sealed(new Map(body).set(0, 'three')),
      'critical key': sealed(new Map(body).set(7, 1)),
      'critical key of a slot': sealed(
        new Map(body).set(5, new Map(slots).set('vision', new Map(slots.get('vision')).set(10, 1))),
      ),
      'phase of a candidate': sealed(
        new Map(body).set(
          5,
          new Map(slots).set(
            'vision',
            new Map(slots.get('vision')).set(3, [
              1,
              'a'.repeat(64),
              candidatePhases.length,
              0,
              0,
              0,
            ]),
          ),
        ),
      ),
      'body that is no map': sealed([3, 1]),
      'body that is no CBOR': sealedBytes(Uint8Array.of(0xff, 1, 2)),
      'item behind the body': encodeCbor([
        ...(decodeCbor(current) as unknown as { value: CborValue[] }).value,
        1,
      ]),
    };
    for (const [what, bytes] of Object.entries(later)) {
      assert.equal(decodeRecord(bytes), 'later', what);
    }
  });

  it('is read where it only has negative keys, which are lost at the next commit', () => {
    assert.deepEqual(decodeRecord(sealed(bodyOf(current).set(-1, 'a remark'))), copy);
  });
});

function bodyOf(bytes: Uint8Array): Map<number, CborValue> {
  const outer = decodeCbor(bytes);
  assert.ok(outer.ok && Array.isArray(outer.value));
  const body = decodeCbor((outer.value as CborValue[])[1] as Uint8Array);
  assert.ok(body.ok && body.value instanceof Map);
  return body.value as Map<number, CborValue>;
}

function sealed(body: CborValue): Uint8Array {
  return sealedBytes(encodeCbor(body));
}

function sealedBytes(body: Uint8Array): Uint8Array {
  return encodeCbor([crc32(body), body]);
}
