import assert from 'node:assert/strict';
import fc from 'fast-check';
import { toHex } from '../../../protocol/bytes.js';
import { decodeCbor } from '../../../protocol/cbor/decode.js';
import { encodeCbor } from '../../../protocol/cbor/encode.js';
import { Tagged, type CborValue } from '../../../protocol/cbor/value.js';
import type { Code } from '../../../protocol/codes.js';
import { limits } from '../../../protocol/limits.js';
import { fromHex } from '../../helpers/hex.js';
import { assertValueOrCode, mutationsOf } from '../../helpers/mutation.js';
import { requires } from '../../helpers/requires.js';
import { readVectors } from '../../helpers/vectors.js';

describe('The CBOR codec', () => {
  /** Values of RFC 8949, appendix A, that signed documents can hold, and edges of our own. */
  const values: readonly (readonly [hex: string, value: CborValue])[] = [
    ['00', 0],
    ['17', 23],
    ['1818', 24],
    ['18ff', 255],
    ['190100', 256],
    ['1a000f4240', 1000000],
    ['1b000000e8d4a51000', 1000000000000],
    ['1b001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['20', -1],
    ['3863', -100],
    ['3b001ffffffffffffe', Number.MIN_SAFE_INTEGER],
    ['f98000', -0],
    ['f90001', 5.960464477539063e-8],
    ['f93e00', 1.5],
    ['f9c410', -4.0625],
    ['fa5f000000', 2 ** 63],
    ['fa7f7fffff', 3.4028234663852886e38],
    ['fb7e37e43c8800759c', 1.0e300],
    ['fb3ff199999999999a', 1.1],
    ['f97c00', Infinity],
    ['f9fc00', -Infinity],
    ['f97e00', NaN],
    ['f4', false],
    ['f5', true],
    ['f6', null],
    ['4401020304', Uint8Array.of(1, 2, 3, 4)],
    ['6449455446', 'IETF'],
    ['62c3bc', '\u00fc'],
    ['64f0908591', '\u{10151}'],
    ['8301820203820405', [1, [2, 3], [4, 5]]],
    ['a0', new Map()],
    [
      'a201020304',
      new Map([
        [1, 2],
        [3, 4],
      ]),
    ],
    ['c11a514b67b0', new Tagged(1, 1363896240)],
    ['d818456449455446', new Tagged(24, fromHex('6449455446'))],
  ];
  for (const [hex, value] of values) {
    it(`spells ${hex} and nothing else for its value`, () => {
      assert.equal(toHex(encodeCbor(value)), hex);
      assert.deepEqual(decodeCbor(fromHex(hex)), { ok: true, value });
    });
  }

  it('sorts keys by their encoded bytes: short before long, positive before negative, integers before texts', () => {
    const map = new Map<number | string, CborValue>();
    for (const key of ['aa', 'z', -1, 100, 10]) map.set(key, 0);
    assert.equal(toHex(encodeCbor(map)), 'a50a001864002000617a0062616100');
  });

  it('reads back every value that it writes, from the same bytes', () => {
    fc.assert(
      fc.property(cborValue, (value) => {
        const bytes = encodeCbor(value);
        const decoded = decodeCbor(bytes);
        assert.ok(decoded.ok);
        assert.deepEqual(decoded.value, value);
        assert.deepEqual(encodeCbor(decoded.value), bytes);
      }),
      { numRuns: 300 },
    );
  });

  it('refuses to write a text that it could not read back', () => {
    assert.throws(() => encodeCbor('\ud800'));
  });
});

describe('The CBOR decoder', () => {
  const refusals: readonly (readonly [hex: string, code: Code, why: string])[] = [
    ['', 'cbor-truncated', 'nothing at all'],
    ['18', 'cbor-truncated', 'a head without its argument'],
    ['1800', 'cbor-not-deterministic', 'an integer with a head of two bytes for one'],
    ['190017', 'cbor-not-deterministic', 'an integer with a head of three bytes for one'],
    ['1a0000ffff', 'cbor-not-deterministic', 'an integer with a head of five bytes for three'],
    [
      '1b00000000ffffffff',
      'cbor-not-deterministic',
      'an integer with a head of nine bytes for five',
    ],
    ['1c', 'cbor-unsupported', 'reserved additional information'],
    [
      '1b0020000000000000',
      'cbor-unsupported',
      'an integer that a double cannot tell from its neighbour',
    ],
    ['3b001fffffffffffff', 'cbor-unsupported', 'a negative integer that is not safe'],
    ['5800', 'cbor-not-deterministic', 'a length with a head of two bytes for one'],
    ['5f4101ff', 'cbor-not-deterministic', 'a byte string in chunks'],
    ['7f6101ff', 'cbor-not-deterministic', 'a text in chunks'],
    ['9fff', 'cbor-not-deterministic', 'an array of indefinite length'],
    ['bfff', 'cbor-not-deterministic', 'a map of indefinite length'],
    ['ff', 'cbor-unsupported', 'a break without a beginning'],
    ['62c328', 'cbor-not-deterministic', 'a text that is not UTF-8'],
    ['63eda080', 'cbor-not-deterministic', 'a lone surrogate in a text'],
    ['62c080', 'cbor-not-deterministic', 'an overlong spelling in a text'],
    ['5affffffff', 'cbor-truncated', 'four gigabytes of bytes that are not there'],
    ['9affffffff', 'cbor-truncated', 'four billion items that are not there'],
    ['baffffffff', 'cbor-truncated', 'four billion pairs that are not there'],
    ['bb001fffffffffffff', 'cbor-truncated', 'more pairs than a safe integer can double'],
    ['a201010102', 'cbor-not-deterministic', 'a key twice'],
    ['a202010101', 'cbor-not-deterministic', 'keys out of order'],
    ['a161610061', 'cbor-not-deterministic', 'a byte behind the end'],
    ['a1f400', 'cbor-unsupported', 'a key that is no integer or text'],
    ['a1f93e0000', 'cbor-unsupported', 'a float as a key'],
    ['f97e01', 'cbor-not-deterministic', 'a NaN with a payload'],
    ['fa7fc00000', 'cbor-not-deterministic', 'a long NaN'],
    ['f93c00', 'cbor-not-deterministic', 'an integer as a float'],
    ['fa3fc00000', 'cbor-not-deterministic', 'a float that half the bytes would hold'],
    [
      'fb3ff8000000000000',
      'cbor-not-deterministic',
      'a float that a quarter of the bytes would hold',
    ],
    ['f7', 'cbor-unsupported', 'undefined'],
    ['f8ff', 'cbor-unsupported', 'a simple value'],
    ['0000', 'cbor-not-deterministic', 'a second item behind the first'],
  ];
  for (const [hex, code, why] of refusals) {
    it(`refuses ${why}: ${hex}`, () => {
      assert.equal(codeOf(decodeCbor(fromHex(hex))), code);
    });
  }

  it('takes a document of the greatest depth, and refuses the next one', () => {
    const nested = (depth: number): Uint8Array => new Uint8Array(depth + 1).fill(0x81, 0, depth);
    assert.equal(codeOf(decodeCbor(nested(limits.cborDepth))), undefined);
    assert.equal(codeOf(decodeCbor(nested(limits.cborDepth + 1))), 'cbor-too-large');
    assert.equal(codeOf(decodeCbor(nested(100_000))), 'cbor-too-large');
  });

  it('counts tags as depth', () => {
    assert.equal(
      codeOf(decodeCbor(new Uint8Array(100_001).fill(0xc1, 0, 100_000))),
      'cbor-too-large',
    );
  });

  it('takes the greatest number of items, and refuses the next one', () => {
    // The array is an item itself.
    const items = (count: number): Uint8Array => encodeCbor(new Array<number>(count - 1).fill(0));
    assert.equal(codeOf(decodeCbor(items(limits.cborItems))), undefined);
    assert.equal(codeOf(decodeCbor(items(limits.cborItems + 1))), 'cbor-too-large');
  });

  it('gives copies of byte strings, so that a packet is not kept alive or changed behind its back', () => {
    const bytes = fromHex('4101');
    const decoded = decodeCbor(bytes);
    bytes[1] = 9;
    assert.deepEqual(decoded, { ok: true, value: Uint8Array.of(1) });
  });

  it('gives a value or a code, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        assertValueOrCode(decodeCbor, bytes);
      }),
      { numRuns: 1000 },
    );
  });

  it('accepts nothing but what the encoder writes', () => {
    const documents = fc.sample(cborValue, { numRuns: 20, seed: 1 }).map(encodeCbor);
    fc.assert(
      fc.property(mutationsOf(documents), (bytes) => {
        const decoded = decodeCbor(bytes);
        if (decoded.ok) assert.deepEqual(encodeCbor(decoded.value), bytes);
      }),
      { numRuns: 1000 },
    );
  });

  it('does work that grows with the bytes, not with their square', () => {
    // Long keys that differ only at their end: the most that comparing neighbours can cost.
    const map = new Map<string, CborValue>();
    for (let i = 0; i < 90; i++) map.set('k'.repeat(1000) + String(i).padStart(2, '0'), 0);
    assert.equal(codeOf(decodeCbor(encodeCbor(map))), undefined);
    // A bignum costs other decoders seconds; here its tag is a tag and its bytes are bytes.
    const bignum = encodeCbor(new Tagged(2, new Uint8Array(131_072).fill(0xff)));
    assert.equal(codeOf(decodeCbor(bignum)), undefined);
  });
});

describe('The CBOR decoder and documents that broke other decoders', () => {
  before(function () {
    requires(this, 'shared');
  });

  it('refuses them all, or reads them as the plain values that they spell', () => {
    const { hostile_cbor: cases } = readVectors('cose-vectors.json') as {
      hostile_cbor: readonly { readonly hex?: string; readonly why: string }[];
    };
    const read: string[] = [];
    for (const { hex, why } of cases) {
      if (hex !== undefined && codeOf(decodeCbor(fromHex(hex))) === undefined) read.push(why);
    }
    // A tag is a tag, a name is a name: nothing is constructed or shared.
    assert.deepEqual(read.sort(), [
      '__proto__ key',
      'cbor-x record definition (tag 57343): decoded even with useRecords:false',
      'tag 27 generic object: cbor-x builds RegExp (a+)+',
      'tags 28/29 value sharing: cyclic array',
    ]);
  });
});

const cborValue: fc.Arbitrary<CborValue> = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.maxSafeInteger(),
    fc.integer({ min: -300, max: 300 }),
    fc.double(),
    fc.float(),
    fc.boolean(),
    fc.constant(null),
    fc.string({ unit: 'grapheme', maxLength: 30 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc
      .array(fc.tuple(fc.oneof(fc.integer(), fc.string({ maxLength: 5 })), tie('value')), {
        maxLength: 5,
      })
      .map((entries) => new Map([...new Map(entries)].sort(([a], [b]) => order(a, b)))),
    fc.tuple(fc.nat(), tie('value')).map(([tag, value]) => new Tagged(tag, value)),
  ),
})).value;

/** The order of encoded keys, so that maps that are read back have their entries in the same order. */
function order(a: number | string, b: number | string): number {
  return Buffer.compare(encodeCbor(a), encodeCbor(b));
}

function codeOf(result: ReturnType<typeof decodeCbor>): Code | undefined {
  return result.ok ? undefined : result.rejection.code;
}
