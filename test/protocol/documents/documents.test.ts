import assert from 'node:assert/strict';
import type { CborValue } from '../../../protocol/cbor/value.js';
import { encodeBeacon, parseBeacon } from '../../../protocol/documents/beacon.js';
import { encodeKeyset, parseKeyset } from '../../../protocol/documents/keyset.js';
import { encodeManifest, parseManifest } from '../../../protocol/documents/manifest.js';
import { encodePolicy, parsePolicy } from '../../../protocol/documents/policy.js';
import { encodeSelfTest, parseSelfTest } from '../../../protocol/documents/self-test.js';
import { limits } from '../../../protocol/limits.js';
import type { Result } from '../../../protocol/result.js';
import {
  fixedKey,
  sampleBeacon,
  sampleKeyset,
  frontEndManifest,
  logMelManifest,
  pictureManifest,
  sampleManifest,
  samplePolicy,
  sampleSelfTest,
  withField,
} from '../../helpers/documents.js';

type Path = readonly (number | string)[];
type Row = readonly [path: Path, good: readonly CborValue[], bad: readonly CborValue[]];

/** What each field may and may not be, at and just beyond its bounds. A field with an empty `bad` may be anything. */
interface DocumentTable {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly parse: (bytes: Uint8Array) => Result<unknown>;
  readonly mandatory: readonly Path[];
  readonly optional: readonly Path[];
  readonly fields: readonly Row[];
  /** Maps in the document, each of which refuses keys that it does not know. */
  readonly maps: readonly Path[];
}

const most = Number.MAX_SAFE_INTEGER;
const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(1);
const many = <T>(count: number, item: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => item(i));
const reference: CborValue = [1, bytes(32)];
const key = (i: number): CborValue =>
  new Map<number, CborValue>([
    [1, bytes(8).with(0, i)],
    [2, bytes(32).with(0, i)],
    [3, 15],
  ]);
const arm = new Map<number, CborValue>([
  [1, 'a'],
  [2, reference],
  [3, 0],
  [4, bytes(8)],
]);
const slotBeacon = new Map<number, CborValue>([
  [1, 1],
  [2, bytes(32)],
  [3, [reference]],
  [4, 0],
]);

const tables: readonly DocumentTable[] = [
  {
    name: 'A keyset',
    bytes: encodeKeyset(sampleKeyset([fixedKey(1), fixedKey(2)])),
    parse: parseKeyset,
    mandatory: [[0], [1], [2], [3], [4], [4, 0, 1], [4, 0, 2], [4, 0, 3]],
    optional: [[5], [4, 1, 4]],
    fields: [
      [[0], [1], [0, 2, '1']],
      [[1], [1, most], [0, -1, 1.5, null]],
      [[2], [0, most], [-1, '2030']],
      [[3], [1, limits.signatures], [0, limits.signatures + 1]],
      [
        [4],
        [[key(1)], many(limits.keys, key)],
        [[], many(limits.keys + 1, key), [key(1), key(1)], [1]],
      ],
      [[4, 0, 1], [bytes(8)], [bytes(7), bytes(9), 'kid']],
      [[4, 0, 2], [bytes(32)], [bytes(31), bytes(33)]],
      [
        [4, 0, 3],
        [1, 15],
        [0, 16, 2.5],
      ],
      [
        [4, 1, 4],
        [['a'], ['a', 'b-2_']],
        [[], ['A'], [''], ['a'.repeat(33)], many(33, String)],
      ],
      [[5], [[bytes(8)], many(64, () => bytes(8))], [[], [bytes(7)], many(65, () => bytes(8))]],
    ],
    maps: [[], [4, 0]],
  },
  {
    name: 'A manifest',
    bytes: encodeManifest(sampleManifest()),
    parse: parseManifest,
    mandatory: [
      ...[[0], [1], [2], [3], [4], [5], [6], [10], [11], [12], [11, 1], [11, 2], [11, 3], [11, 4]],
      ...[
        [11, 1, 1],
        [11, 1, 2],
        [11, 1, 3],
        [11, 2, 1],
        [11, 2, 2],
        [11, 2, 3],
        [11, 4, 1],
      ],
      ...[
        [12, 1],
        [12, 2],
        [12, 3],
        [12, 4],
        [10, 0, 1],
        [10, 0, 2],
        [10, 0, 3],
        [10, 0, 4],
        [10, 0, 5],
      ],
      ...[1, 2, 3, 4, 5].map((field) => [10, 0, 5, 0, field]),
    ],
    optional: [[7], [8], [9], [6, 1], [6, 2], [11, 1, 4], [11, 4, 2], [10, 0, 5, 1, 6]],
    fields: [
      [[0], [1], [0, 2]],
      [[1], [1, most], [0, -1, 0.5, '1']],
      [[2], [0, most], [-1]],
      [[3], ['a', 'x'.repeat(32), '0-_'], ['', 'x'.repeat(33), 'A', 'a/b', '+', '#', 'ä', 'a\n']],
      [[4], ['n', 'n'.repeat(256)], ['', 'n'.repeat(257), 4]],
      [[5], ['', 'v'.repeat(256)], ['v'.repeat(257), null]],
      [[6], [new Map()], [[], null]],
      [
        [6, 1],
        [['a'], many(64, String)],
        [[], many(65, String), ['x'.repeat(65)], [1]],
      ],
      [[6, 2], [['a']], [[], ['']]],
      [[7], [0, most], [-1, 0.5]],
      [[8], [0, most], [-1, 0.5]],
      [
        [9],
        [
          [0, 0, 0],
          [1, 22, most],
        ],
        [
          [1, 2],
          [1, 2, 3, 4],
          [1, 2, -3],
          ['1', '2', '3'],
        ],
      ],
      [[10], [], [[], new Map(), many(limits.artifacts + 1, () => 0)]],
      [[10, 0, 1], [], [4, -1, 'model', 1]],
      [[10, 1, 1], [0, 1, 2, 3], [4]],
      [
        [10, 1, 2],
        ['a', 'a'.repeat(64), 'A.b_c-9'],
        ['', '.a', '-a', '../a', 'a b', 'a'.repeat(65), 'model.tflite'],
      ],
      [[10, 0, 3], [], [bytes(31), bytes(33), bytes(32)]],
      [[10, 0, 4], [], [0, limits.artifactBytes + 1, 9_999]],
      [[10, 0, 5], [], [[], many(limits.transfers + 1, () => 0)]],
      [[10, 0, 5, 0, 1], [], [2, -1]],
      [[10, 0, 5, 0, 2], [], [bytes(32)]],
      [
        [10, 0, 5, 0, 4],
        [4999, 4096],
        [4095, limits.blockBytesMost + 1],
      ],
      [[10, 0, 5, 0, 5], [bytes(48)], [bytes(47), bytes(49), bytes(32), bytes(64)]],
      [
        [10, 0, 5, 1, 6],
        ['https://a/b'],
        ['', 'http://a/b', 'https:// a', `https://${'a'.repeat(1020)}`, 'file:///etc'],
      ],
      [
        [11, 1, 1],
        [1, 1024],
        [0, -1, limits.windowValues + 1, 1.5],
      ],
      [
        [11, 1, 2],
        [1, limits.windowValues],
        [0, limits.windowValues + 1],
      ],
      [
        [11, 1, 3],
        [1, 4096],
        [0, 4097],
      ],
      [
        [11, 1, 4],
        [0.5, 48_000],
        [Infinity, NaN, '1'],
      ],
      [
        [11, 2, 1],
        [0, 1, 2],
        [3, -1],
      ],
      [
        [11, 2, 2],
        [0, -1.5, 1e30],
        [Infinity, NaN, null],
      ],
      [
        [11, 2, 3],
        [0, -1.5],
        [Infinity, NaN, null],
      ],
      [
        [11, 3],
        [['model.tflite'], many(limits.models, () => 'model.tflite')],
        [[], ['other'], ['self-test.cbor'], many(limits.models + 1, () => 'model.tflite')],
      ],
      [[11, 4, 1], [0, 1], [2]],
      [
        [11, 4, 2],
        [0, 0.5],
        [NaN, '0.5'],
      ],
      [[12, 1], [0, most], [-1]],
      [
        [12, 2],
        [1, 3_600_000_000],
        [0, 3_600_000_001],
      ],
      [[12, 3], [0, most], [-1]],
      [[12, 4], [0, most], [-1]],
    ],
    maps: [[], [6], [10, 0], [10, 0, 5, 0], [11], [11, 1], [11, 2], [11, 4], [12]],
  },
  {
    name: 'A manifest for pictures',
    bytes: encodeManifest(pictureManifest()),
    parse: parseManifest,
    mandatory: [1, 2, 3].map((field) => [11, 1, 5, field]),
    optional: [[11, 1, 5]],
    fields: [
      [
        [11, 1, 3],
        [1, 3],
        [2, 4],
      ],
      [[11, 1, 5, 1], [32], [0, 31, 33, '32', limits.windowValues + 1]],
      [[11, 1, 5, 2], [8], [0, 7, 9, 8.5]],
      [
        [11, 1, 5, 3],
        [0, 1],
        [2, -1, 'crop'],
      ],
    ],
    maps: [[11, 1, 5]],
  },
  {
    name: 'A manifest with a front end',
    bytes: encodeManifest(frontEndManifest()),
    parse: parseManifest,
    mandatory: [
      [11, 5, 1],
      [11, 5, 2],
    ],
    optional: [
      [11, 5],
      [11, 5, 3],
      [11, 4, 3],
    ],
    fields: [
      [
        [11, 5, 1],
        [1, 160],
        [0, 161, 257, '64', 0.5],
      ],
      [
        [11, 5, 2],
        // Windows begin every 128 frames.
        [32, 64, 128],
        [0, 257, -1, 48],
      ],
      [
        [11, 5, 3],
        [0, 1],
        [2, -1, 'stream'],
      ],
      [
        [11, 4, 3],
        [2, limits.averagedAnswers],
        [0, 1, limits.averagedAnswers + 1, 2.5],
      ],
      // A stream has no hole between the slices of one window and those of the next.
      [
        [11, 1, 2],
        [32, 160, 224],
        [16, 256, 48],
      ],
      // A window has 256 frames: no more than so many of its slices begin at different ones.
      [
        [11, 1, 1],
        [160, 64 + 32 * (limits.slices - 1)],
        [159, 64 + 32 * limits.slices],
      ],
      [[11, 3], [['front-end.tflite', 'model.tflite']], [['model.tflite']]],
    ],
    maps: [[11, 5]],
  },
  {
    name: 'A manifest with log-mel features',
    bytes: encodeManifest(logMelManifest()),
    parse: parseManifest,
    mandatory: [1, 2, 3, 4, 5, 6].map((field) => [11, 5, 4, field]).concat([[11, 1, 4]]),
    optional: [],
    fields: [
      [[11, 1, 3], [1], [2, 3]],
      [
        [11, 1, 4],
        [1600, 48_000],
        [0, 1599],
      ],
      [
        [11, 5, 1],
        [2, 32, 256],
        [1, 48, 63, 512],
      ],
      [
        [11, 5, 4, 1],
        [1, limits.melBands],
        [0, limits.melBands + 1],
      ],
      [
        [11, 5, 4, 2],
        [0, 799.5],
        [-1, 800, NaN],
      ],
      [
        [11, 5, 4, 3],
        [21, 800],
        [20, 801, Infinity],
      ],
      [[11, 5, 4, 6], [-1], ['1', NaN]],
    ],
    maps: [[11, 5, 4]],
  },
  {
    name: 'A policy',
    bytes: encodePolicy(samplePolicy()),
    parse: parsePolicy,
    mandatory: [[0], [1], [2], [3], [4], [4, 0, 1], [4, 0, 2], [4, 0, 3], [4, 0, 4]],
    optional: [[5]],
    fields: [
      [[0], [1], [2]],
      [[1], [1, most], [0]],
      [[2], ['a'], ['A', '']],
      [[3], [reference], [[1], [0, bytes(32)], [1, bytes(31)], [1, bytes(32), 0], 1]],
      [[4], [[], many(limits.arms, () => arm)], [many(limits.arms + 1, () => arm), [0]]],
      [
        [4, 0, 1],
        ['x', 'x'.repeat(64)],
        ['', 'x'.repeat(65)],
      ],
      [[4, 0, 2], [reference], [[]]],
      [
        [4, 0, 3],
        [0, 10_000],
        [-1, 10_001, 0.5],
      ],
      [[4, 0, 4], [bytes(8)], [bytes(7), bytes(9)]],
      [[5], [1, most], [0]],
    ],
    maps: [[], [4, 0]],
  },
  {
    name: 'A beacon',
    bytes: encodeBeacon(sampleBeacon()),
    parse: parseBeacon,
    mandatory: [
      [0],
      [1],
      [2],
      [3],
      [4],
      [5],
      ...[1, 2, 3, 4].map((field) => [5, 'vibration', field]),
    ],
    optional: [[5, 'vibration', 5]],
    fields: [
      [[0], [1], [2]],
      [[1], [1, most], [0]],
      [[2], [0, most], [-1]],
      [[3], [0, most], [-1]],
      [[4], [1, most], [0]],
      [
        [5],
        [new Map(), new Map([['a', slotBeacon]])],
        [[], new Map([['A', slotBeacon]]), new Map([[1, slotBeacon]])],
      ],
      [[5, 'vibration', 1], [1, most], [0]],
      [[5, 'vibration', 2], [bytes(32)], [bytes(31)]],
      [
        [5, 'vibration', 3],
        [[reference], many(limits.arms + 1, () => reference)],
        [[], many(limits.arms + 2, () => reference)],
      ],
      [[5, 'vibration', 4], [0, most], [-1]],
      [[5, 'vibration', 5], [1, most], [0]],
    ],
    maps: [[], [5, 'vibration']],
  },
  {
    name: 'A self-test',
    bytes: encodeSelfTest(sampleSelfTest()),
    parse: parseSelfTest,
    mandatory: [[0], [1], [2], [3, 0, 1], [3, 0, 2]],
    optional: [[3]],
    fields: [
      [[0], [1], [2]],
      [[3], [], [[], many(limits.models, () => new Map()), [0]]],
      [
        [3, 0, 2],
        [0, 0.5],
        [NaN, -1],
      ],
      [
        [1],
        [many(limits.selfTestVectors, () => [bytes(1), bytes(1)])],
        [
          [],
          many(limits.selfTestVectors + 1, () => [bytes(1), bytes(1)]),
          [[bytes(1)]],
          [[bytes(0), bytes(1)]],
          [['', '']],
        ],
      ],
      [[2], [0, 0.5], [NaN, Infinity, -1, '0']],
    ],
    maps: [[], [3, 0]],
  },
];

for (const { name, bytes: document, parse, mandatory, optional, fields, maps } of tables) {
  describe(name, () => {
    it('is read back as it was written', () => {
      assert.equal(codeOf(parse(document)), undefined);
    });

    it('needs each of its mandatory fields', () => {
      for (const path of mandatory) {
        assert.equal(
          codeOf(parse(withField(document, path, undefined))),
          'document-invalid',
          path.join('.'),
        );
      }
    });

    it('does without each of its optional fields', () => {
      for (const path of optional) {
        assert.equal(
          codeOf(parse(withField(document, path, undefined))),
          undefined,
          path.join('.'),
        );
      }
    });

    for (const [path, good, bad] of fields) {
      it(`takes field ${path.join('.')} within its bounds and nothing beyond them`, () => {
        for (const value of good) {
          const result = parse(withField(document, path, value));
          assert.ok(result.ok, result.ok ? '' : result.rejection.detail);
        }
        for (const value of bad) {
          const code = codeOf(parse(withField(document, path, value)));
          assert.equal(code, 'document-invalid', JSON.stringify(value));
        }
      });
    }

    it('refuses positive and named keys that it does not know, because they may be critical', () => {
      for (const path of maps) {
        for (const unknown of [63, 4711, 'x']) {
          const code = codeOf(parse(withField(document, [...path, unknown], 0)));
          assert.equal(code, 'document-invalid', [...path, unknown].join('.'));
        }
      }
    });

    it('ignores negative keys, which are private', () => {
      for (const path of maps) {
        const parsed = parse(withField(document, [...path, -1], 'ours'));
        assert.deepEqual(parsed, parse(document), path.join('.'));
      }
    });

    it('is no document where it is no map', () => {
      assert.equal(codeOf(parse(Uint8Array.of(0x80))), 'document-invalid');
      assert.equal(codeOf(parse(new Uint8Array())), 'cbor-truncated');
    });
  });
}

describe('Documents', () => {
  it('are read into what was written, field by field', () => {
    const keyset = sampleKeyset([fixedKey(1), fixedKey(2)]);
    assert.deepEqual(parseKeyset(encodeKeyset(keyset)), { ok: true, value: keyset });
    assert.deepEqual(parseManifest(encodeManifest(sampleManifest())), {
      ok: true,
      value: sampleManifest(),
    });
    for (const manifest of [frontEndManifest(), logMelManifest()]) {
      assert.deepEqual(parseManifest(encodeManifest(manifest)), { ok: true, value: manifest });
    }
    assert.deepEqual(parsePolicy(encodePolicy(samplePolicy())), {
      ok: true,
      value: samplePolicy(),
    });
    assert.deepEqual(parseBeacon(encodeBeacon(sampleBeacon())), {
      ok: true,
      value: sampleBeacon(),
    });
    assert.deepEqual(parseSelfTest(encodeSelfTest(sampleSelfTest())), {
      ok: true,
      value: sampleSelfTest(),
    });
  });

  it('name the place of what is wrong with them', () => {
    const wrong = withField(encodeManifest(sampleManifest()), [10, 1, 5, 0, 4], 1);
    const result = parseManifest(wrong);
    assert.match(result.ok ? '' : result.rejection.detail, /manifest\.10\[1\]\.5\[0\]\.4/);
  });

  it('cannot count one key twice under two ids', () => {
    const [first] = sampleKeyset([fixedKey(1)]).keys;
    assert.ok(first);
    const twice = sampleKeyset([], { keys: [first, { ...first, kid: bytes(8) }] });
    assert.equal(codeOf(parseKeyset(encodeKeyset(twice))), 'document-invalid');
  });
});

function codeOf(result: Result<unknown>): string | undefined {
  return result.ok ? undefined : result.rejection.code;
}
