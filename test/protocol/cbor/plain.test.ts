import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createPlainCbor } from '../../../agent/adapters/plain-cbor.js';
import { decodeCbor, decodePlainCbor } from '../../../protocol/cbor/decode.js';
import { encodeCbor } from '../../../protocol/cbor/encode.js';
import { limits } from '../../../protocol/limits.js';

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

describe('plain CBOR', () => {
  const spellings: readonly (readonly [what: string, bytes: string, value: unknown])[] = [
    ['a long head', '1801', 1],
    ['an integer as a float', 'fb3ff0000000000000', 1],
    ['a long float', 'fb3ff8000000000000', 1.5],
    ['keys out of order', 'a2616201616102', new Map(Object.entries({ b: 1, a: 2 }))],
    ['undefined', 'f7', null],
  ];
  for (const [what, bytes, value] of spellings) {
    it(`may have ${what}, which a signed document may not`, () => {
      assert.deepEqual(decodePlainCbor(hex(bytes)), { ok: true, value });
      assert.equal(decodeCbor(hex(bytes)).ok, false);
    });
  }

  const wrong: readonly (readonly [what: string, bytes: Uint8Array, code: string])[] = [
    ['a repeated key', hex('a2616101616102'), 'cbor-not-deterministic'],
    ['an indefinite length', hex('9fff'), 'cbor-not-deterministic'],
    ['something behind its end', hex('0000'), 'cbor-not-deterministic'],
    ['less than it announces', hex('9affffffff'), 'cbor-truncated'],
    ['an integer that is not safe', hex('1bffffffffffffffff'), 'cbor-unsupported'],
    ['too deep a nest', new Uint8Array(limits.cborDepth + 2).fill(0x81), 'cbor-too-large'],
    ['too many items', manyItems(), 'cbor-too-large'],
  ];
  for (const [what, bytes, code] of wrong) {
    it(`may not have ${what}`, () => {
      const decoded = decodePlainCbor(bytes);
      assert.equal(decoded.ok ? 'accepted' : decoded.rejection.code, code);
    });
  }

  it('is read as devices write it', () => {
    const plainCbor = createPlainCbor();
    const leaf = fc.oneof(
      fc.maxSafeInteger(),
      fc.double({ noNaN: true }),
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.boolean(),
      fc.constant(null),
    );
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('value'), { maxLength: 5 }),
        fc.dictionary(fc.string({ minLength: 1, maxLength: 12 }), tie('value'), { maxKeys: 5 }),
      ),
    }));
    fc.assert(
      fc.property(value, (each) => {
        const decoded = decodePlainCbor(plainCbor.encode(each));
        assert.ok(decoded.ok, JSON.stringify(decoded));
        assert.deepEqual(plainOf(decoded.value), plainOf(each));
      }),
      { numRuns: 500 },
    );
  });

  it('includes all that is deterministic', () => {
    const value = fc.oneof(
      fc.maxSafeInteger(),
      fc.double({ noInteger: true }),
      fc.string({ unit: 'grapheme' }),
    );
    fc.assert(
      fc.property(fc.array(value, { maxLength: 20 }), (values) => {
        const bytes = encodeCbor(values);
        assert.deepEqual(decodePlainCbor(bytes), decodeCbor(bytes));
      }),
      { numRuns: 200 },
    );
  });
});

/** An array of more integers than a message may have items. */
function manyItems(): Uint8Array {
  const bytes = new Uint8Array(3 + limits.plainCborItems);
  bytes.set([0x99, limits.plainCborItems >> 8, limits.plainCborItems & 0xff]);
  return bytes;
}

/** Maps and objects alike as sorted entries; -0, which the encoder does not keep, as 0. */
function plainOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainOf);
  if (typeof value === 'number') return value === 0 ? 0 : value;
  if (typeof value !== 'object' || value === null) return value;
  const entries: readonly (readonly [unknown, unknown])[] =
    value instanceof Map ? [...(value as Map<unknown, unknown>)] : Object.entries(value);
  return entries
    .map(([key, each]) => [String(key), plainOf(each)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
