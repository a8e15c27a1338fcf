import assert from 'node:assert/strict';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { bytes, i32s, text, u32, vector, writeFlatBuffer } from '../helpers/flat-buffer.js';
import {
  endOf,
  hostileClasses,
  int32s,
  itEndsEach,
  oneOperator,
  type HostileCase,
} from '../helpers/hostile-case.js';
import {
  operatorCodes,
  tensorTypes,
  writeModelFile,
  type ModelSpec,
} from '../helpers/model-file.js';

const empty: Uint8Array = new Uint8Array();
const identifier = Buffer.from('TFL3');

/** Six values in another shape: nothing that can go wrong but what the file says. */
const reshape = oneOperator(operatorCodes.reshape, [{ shape: [2, 3] }], [{ shape: [3, 2] }]);
const sound = writeModelFile(reshape);
const root = new DataView(sound.buffer).getUint32(0, true);
const vtable = root - new DataView(sound.buffer).getInt32(root, true);

/** The sound file with other numbers of 16 or 32 bits at some places. */
function patched(
  ...changes: readonly (readonly [at: number, value: number, bytes?: 2])[]
): Uint8Array {
  const file = sound.slice();
  const view = new DataView(file.buffer);
  for (const [at, value, width] of changes) {
    if (width === 2) view.setUint16(at, value, true);
    else view.setInt32(at, value | 0, true);
  }
  return file;
}

/** The sound model with other fields in the table of its first tensor. */
function withTensorTable(fields: Parameters<typeof writeFlatBuffer>[1]): Uint8Array {
  const tensor = { 0: i32s([2, 3]), 2: u32(0), 3: text('x'), ...fields };
  return writeFlatBuffer('TFL3', {
    0: u32(3),
    1: { kind: 'tables', tables: [{}] },
    2: {
      kind: 'tables',
      tables: [{ 0: { kind: 'tables', tables: [tensor] }, 1: i32s([0]), 2: i32s([0]) }],
    },
    4: { kind: 'tables', tables: [{}] },
  });
}

/** Two constants, the second of them behind the FlatBuffer. */
function behind(offset: (end: number) => bigint, size: bigint, data = empty): Uint8Array {
  const write = (external: readonly [bigint, bigint]): Uint8Array =>
    writeModelFile({
      ...oneOperator(
        operatorCodes.add,
        [
          { shape: [4], type: tensorTypes.int32, data: int32s(1, 2, 3, 4) },
          { shape: [4], type: tensorTypes.int32 },
        ],
        [{ shape: [4], type: tensorTypes.int32 }],
        [11, {}],
      ),
      buffers: [empty, data],
      external,
    });
  const end = write([2n ** 60n, size]).length;
  return Uint8Array.from([...write([offset(end), size]), ...int32s(5, 6, 7, 8)]);
}

const random = (length: number, seed: number): Uint8Array => {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state;
  });
};
const lying = (length: number): Uint8Array =>
  withTensorTable({ 0: vector(length, new Uint8Array(8)) });
const more = (change: Partial<ModelSpec>): ModelSpec => ({ ...reshape, ...change });

const cases: readonly HostileCase[] = [
  [1, 'nothing', empty, 'model-truncated'],
  ...[1, 2, 3, 4, 5, 6, 7].map((length): HostileCase => [
    1,
    `${length} bytes`,
    new Uint8Array(length),
    'model-truncated',
  ]),
  [1, 'zeros', new Uint8Array(64), 'model-not-tflite'],
  [1, 'random bytes', random(4096, 7), 'model-not-tflite'],
  [2, 'a root past the end', Uint8Array.from([0x18, 0, 0, 0, ...identifier]), 'model-truncated'],
  [
    2,
    'a root that points at itself',
    Uint8Array.from([0, 0, 0, 0, ...identifier]),
    'model-malformed',
  ],
  [2, 'a root at the last byte', patched([0, sound.length - 1]), 'model-truncated'],
  [2, 'a root far behind the end', patched([0, -4]), 'model-truncated'],
  [3, 'another identifier', more({ identifier: 'TFL2' }), 'model-not-tflite'],
  [3, 'the schema version 0', more({ version: 0 }), 'model-version-unsupported'],
  [3, 'the schema version 2^32 - 1', more({ version: 2 ** 32 - 1 }), 'model-version-unsupported'],
  [4, 'a vtable before the file', patched([root, root + 4]), 'model-malformed'],
  [4, 'a vtable behind the file', patched([root, -sound.length]), 'model-truncated'],
  [4, 'a vtable at the greatest distance', patched([root, 2 ** 31 - 1]), 'model-malformed'],
  [4, 'a vtable at the least distance', patched([root, -(2 ** 31)]), 'model-truncated'],
  [4, 'a vtable at an odd place', patched([root, root - vtable - 1]), 'model-malformed'],
  [4, 'a vtable of no bytes', patched([vtable, 0, 2]), 'model-malformed'],
  [4, 'a vtable of two bytes', patched([vtable, 2, 2]), 'model-malformed'],
  [4, 'a vtable of an odd length', patched([vtable, 5, 2]), 'model-malformed'],
  [4, 'a vtable longer than the file', patched([vtable, 0xfffe, 2]), 'model-truncated'],
  [4, 'a field behind its table', patched([vtable + 4, 0x7ffc, 2]), 'model-malformed'],
  [5, 'a vector that would overflow 32 bits', lying(2 ** 30 + 2), 'model-too-large'],
  [5, 'a vector with a negative length', lying(-1), 'model-too-large'],
  [
    5,
    'a vector that ends behind the file',
    withTensorTable({ 3: vector(1_000, empty) }),
    'model-truncated',
  ],
  [
    5,
    'a name that is longer than the file',
    withTensorTable({ 3: vector(2 ** 31, empty) }),
    'model-truncated',
  ],
  [
    5,
    'a name without a zero at its end',
    withTensorTable({ 3: bytes(Buffer.from('x')) }),
    'finished',
  ],
  [6, 'a vector of tables that is the root', patched([root + 8, 2 ** 31 - 1]), 'model-truncated'],
  [6, 'an offset that would lead backwards', patched([root + 8, -8]), 'model-truncated'],
  [6, 'a table that is its own child', patched([root + 8, 0]), 'index-invalid'],
  [
    6,
    'tables by the million',
    { ...reshape, tensors: new Array(5000).fill({ shape: [1] }) },
    'model-too-large',
  ],
  [8, 'the last bytes of the file', behind(BigInt, 16n), 'finished'],
  [8, 'a byte too many', behind((end) => BigInt(end + 1), 16n), 'model-truncated'],
  [8, 'bytes before the start', behind(() => 2n ** 64n - 16n, 16n), 'model-truncated'],
  [8, 'an end that wraps around', behind(() => 2n ** 64n - 8n, 64n), 'model-truncated'],
  [8, 'a size that wraps around', behind((end) => BigInt(end), 2n ** 64n - 8n), 'model-truncated'],
  [8, 'an offset beyond 32 bits', behind((end) => 2n ** 32n + BigInt(end), 16n), 'model-truncated'],
  [8, 'a size beyond 32 bits', behind(BigInt, 2n ** 32n + 16n), 'model-truncated'],
  [8, 'fewer bytes than the constant has', behind(BigInt, 12n), 'buffer-invalid'],
  [8, 'bytes here and there', behind(BigInt, 16n, int32s(1, 2, 3, 4)), 'model-malformed'],
];

describe('hostile files', () => {
  let core: WebAssembly.Module;

  before(async () => {
    core = await compileWasmCore();
  });

  it('are told from the sound file that they are made of', () => {
    assert.equal(endOf(core, sound), 'finished');
    assert.equal(endOf(core, withTensorTable({})), 'finished');
  });

  itEndsEach(cases, () => core);

  it(`class 7 (${hostileClasses[7]}), are refused or run with any bit flipped`, () => {
    const ends = new Set<string>();
    for (let bit = 0; bit < 8 * sound.length; bit++) {
      const flipped = sound.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      ends.add(endOf(core, flipped));
    }
    assert.ok(
      !ends.has('engine-internal') && ends.has('finished') && ends.size > 5,
      [...ends].join(),
    );
  });

  it(`class 7 (${hostileClasses[7]}), are refused when cut off anywhere`, () => {
    for (let length = 0; length < sound.length; length++) {
      const end = endOf(core, sound.subarray(0, length));
      // Behind what is read there may be padding.
      assert.ok(end === 'model-truncated' || length > sound.length - 8, `${length}: ${end}`);
    }
  });
});
