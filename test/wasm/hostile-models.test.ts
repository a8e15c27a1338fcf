import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { codeOfEngineNumber } from '../../protocol/engine-codes.js';
import type { Code } from '../../protocol/codes.js';
import { EngineError, Interpreter } from '../../wasm/loader/interpreter.js';
import { f32, i32, u8 } from '../helpers/flat-buffer.js';
import {
  operatorCodes,
  tensorTypes,
  writeModelFile,
  type ModelSpec,
  type TensorSpec,
} from '../helpers/model-file.js';

const empty = new Uint8Array();

/** A dense layer of three inputs and two outputs: every hostile model is this one with one thing wrong. */
const dense: ModelSpec = {
  codes: [operatorCodes.fullyConnected],
  buffers: [empty, Uint8Array.of(1, 2, 3, 4, 5, 6), new Uint8Array(8)],
  tensors: [
    { shape: [1, 3] },
    { shape: [2, 3], buffer: 1 },
    { shape: [2], buffer: 2, type: tensorTypes.int32 },
    { shape: [1, 2] },
  ],
  operators: [{ code: 0, inputs: [0, 1, 2], outputs: [3], options: [8, { 0: u8(0) }] }],
  inputs: [0],
  outputs: [3],
};

/** A 2x2 convolution over an image of 4x4 pixels. */
const convolution: ModelSpec = {
  codes: [operatorCodes.conv2d],
  buffers: [empty, new Uint8Array(4)],
  tensors: [{ shape: [1, 4, 4, 1] }, { shape: [1, 2, 2, 1], buffer: 1 }, { shape: [1, 3, 3, 1] }],
  operators: [
    { code: 0, inputs: [0, 1], outputs: [2], options: [1, { 0: u8(1), 1: i32(1), 2: i32(1) }] },
  ],
  inputs: [0],
  outputs: [2],
};

describe('hostile models', () => {
  let core: WebAssembly.Module;

  before(async () => {
    core = await compileWasmCore();
  });

  /** A model that is refused, or the word for one that ran. */
  const endOf = (model: Uint8Array, arenaBytes = 1_048_576): Code | 'finished' => {
    try {
      Interpreter.create(core, model, { arenaBytes }).invoke();
      return 'finished';
    } catch (error) {
      // Anything else is a trap, and fails the test.
      if (!(error instanceof EngineError)) throw error;
      return codeOfEngineNumber(error.number);
    }
  };

  it('are told from the sound models that they are made of', () => {
    assert.equal(endOf(writeModelFile(dense)), 'finished');
    assert.equal(endOf(writeModelFile(convolution)), 'finished');
  });

  const tensor = (index: number, change: Partial<TensorSpec>, spec = dense): ModelSpec => ({
    ...spec,
    tensors: spec.tensors.map((each, i) => (i === index ? { ...each, ...change } : each)),
  });
  const operator = (change: object, spec = dense): ModelSpec => ({
    ...spec,
    operators: spec.operators.map((each) => ({ ...each, ...change })),
  });
  const pooling = (code: number, options: readonly number[]): ModelSpec => {
    const [padding = 0, strideWidth = 1, strideHeight = 1, width = 1, height = 1] = options;
    const fields = {
      0: u8(padding),
      1: i32(strideWidth),
      2: i32(strideHeight),
      3: i32(width),
      4: i32(height),
    };
    return {
      codes: [code],
      buffers: [empty],
      tensors: [{ shape: [1, 4, 4, 1] }, { shape: [1, 4, 4, 1] }],
      operators: [{ code: 0, inputs: [0], outputs: [1], options: [5, fields] }],
      inputs: [0],
      outputs: [1],
    };
  };
  const withArgument = (
    code: number,
    values: readonly number[],
    output: readonly number[],
  ): ModelSpec => ({
    codes: [code],
    buffers: [empty, new Uint8Array(new Int32Array(values).buffer)],
    tensors: [
      { shape: [2, 3] },
      { shape: [values.length], buffer: 1, type: tensorTypes.int32 },
      { shape: output },
    ],
    operators: [{ code: 0, inputs: [0, 1], outputs: [2], options: [27, { 0: u8(0) }] }],
    inputs: [0],
    outputs: [2],
  });
  const many = <T>(count: number, value: T): readonly T[] => new Array<T>(count).fill(value);

  const cases: readonly (readonly [what: string, spec: ModelSpec, code: Code])[] = [
    ['another identifier', { ...dense, identifier: 'TFL2' }, 'model-not-tflite'],
    ['another schema version', { ...dense, version: 4 }, 'model-version-unsupported'],
    ['no subgraph', { ...dense, subgraphs: 0 }, 'index-invalid'],
    ['65 subgraphs', { ...dense, subgraphs: 65 }, 'model-too-large'],
    ['no outputs', { ...dense, outputs: [] }, 'index-invalid'],
    [
      'bytes behind the FlatBuffer, and behind the end',
      { ...dense, external: [2n ** 64n - 8n, 64n] },
      'model-malformed',
    ],
    ['compressed weights', { ...dense, metadata: ['COMPRESSION_METADATA'] }, 'feature-unsupported'],
    [
      'an offline memory plan',
      { ...dense, metadata: ['OfflineMemoryAllocation'] },
      'feature-unsupported',
    ],
    ['a sparse tensor without its dimensions', tensor(1, { sparse: true }), 'model-malformed'],
    ['a buffer that is not there', tensor(1, { buffer: 3 }), 'index-invalid'],
    ['an input tensor that is not there', operator({ inputs: [4, 1, 2] }), 'index-invalid'],
    ['a negative tensor', operator({ inputs: [-2, 1, 2] }), 'index-invalid'],
    ['a required input left out', operator({ inputs: [-1, 1, 2] }), 'operator-invalid'],
    ['an output tensor that is not there', operator({ outputs: [4] }), 'index-invalid'],
    ['an output left out', operator({ outputs: [-1] }), 'index-invalid'],
    ['a model input that is not there', { ...dense, inputs: [4] }, 'index-invalid'],
    ['an operator code that is not there', operator({ code: 1 }), 'index-invalid'],
    ['an operator that writes what it reads', operator({ outputs: [0] }), 'graph-invalid'],
    ['an operator that writes a constant', operator({ outputs: [1] }), 'graph-invalid'],
    ['an input that nobody writes', { ...dense, inputs: [] }, 'graph-invalid'],
    [
      'a cycle of operators',
      {
        ...dense,
        codes: [operatorCodes.reshape],
        operators: [
          { code: 0, inputs: [3], outputs: [0] },
          { code: 0, inputs: [0], outputs: [3] },
        ],
        inputs: [],
      },
      'graph-invalid',
    ],
    ['an unknown operator', { ...dense, codes: [9999] }, 'operator-unsupported'],
    ['a custom operator', { ...dense, codes: [operatorCodes.custom] }, 'operator-unsupported'],
    ['a loop without a body', { ...dense, codes: [operatorCodes.while] }, 'operator-invalid'],
    ['a dimension of 0', tensor(0, { shape: [1, 0] }), 'shape-invalid'],
    ['a dimension of -1', tensor(0, { shape: [-1, 3] }), 'shape-invalid'],
    ['a huge dimension', tensor(0, { shape: [1, 2 ** 31 - 1] }), 'shape-invalid'],
    ['elements that overflow 32 bits', tensor(0, { shape: [65536, 65536] }), 'shape-invalid'],
    ['elements that overflow 64 bits', tensor(0, { shape: many(6, 2 ** 30) }), 'shape-invalid'],
    [
      'bytes that overflow 32 bits',
      tensor(
        3,
        { shape: [2 ** 27, 2], type: tensorTypes.float32 },
        tensor(0, { shape: [2 ** 27, 3] }),
      ),
      'shape-invalid',
    ],
    ['nine dimensions', tensor(0, { shape: many(9, 1) }), 'model-too-large'],
    ['a constant that is too short', tensor(1, { shape: [2, 4] }), 'buffer-invalid'],
    ['a constant that is too long', tensor(1, { shape: [2, 2] }), 'buffer-invalid'],
    ['a variable with bytes', tensor(1, { variable: true }), 'buffer-invalid'],
    ['more inputs than the weights take', tensor(0, { shape: [1, 4] }), 'operator-invalid'],
    ['rows that overflow 32 bits', tensor(3, { shape: [2 ** 26, 2] }), 'operator-invalid'],
    ['a scale of 0', tensor(0, { scales: [0] }), 'quantisation-invalid'],
    ['a negative scale', tensor(0, { scales: [-1] }), 'quantisation-invalid'],
    ['a scale that is no number', tensor(0, { scales: [NaN] }), 'quantisation-invalid'],
    ['an infinite scale', tensor(0, { scales: [Infinity] }), 'quantisation-invalid'],
    ['a denormal scale', tensor(0, { scales: [1e-40] }), 'quantisation-invalid'],
    [
      'a scale that overflows its multiplier',
      tensor(3, { scales: [1e-38] }),
      'quantisation-invalid',
    ],
    ['a zero point beyond the type', tensor(0, { zeroPoints: [128n] }), 'quantisation-invalid'],
    ['a zero point beyond 32 bits', tensor(0, { zeroPoints: [2n ** 40n] }), 'quantisation-invalid'],
    ['more scales than channels', tensor(1, { scales: [1, 1, 1] }), 'quantisation-invalid'],
    [
      'scales of no dimension at all',
      tensor(1, { scales: [1, 1, 1, 1], dimension: 9 }),
      'quantisation-invalid',
    ],
    [
      'scales of a negative dimension',
      tensor(1, { scales: [1, 1], dimension: -1 }),
      'quantisation-invalid',
    ],
    [
      'fewer zero points than scales',
      tensor(1, { scales: [1, 1, 1], zeroPoints: [0n, 0n] }),
      'quantisation-invalid',
    ],
    ['no quantisation', tensor(0, { scales: [] }), 'quantisation-invalid'],
    [
      'weights of 64 bits',
      tensor(1, { type: tensorTypes.int64, shape: [1, 1], buffer: 2 }),
      'type-unsupported',
    ],
    ['an unknown type', tensor(0, { type: 99 }), 'type-unsupported'],
    ['options of another operator', operator({ options: [1, { 0: u8(0) }] }), 'operator-invalid'],
    ['no options', operator({ options: undefined }), 'operator-invalid'],
    ['an unknown activation', operator({ options: [8, { 0: u8(77) }] }), 'operator-invalid'],
    [
      'a stride of 0',
      operator({ options: [1, { 0: u8(1), 1: i32(0), 2: i32(1) }] }, convolution),
      'operator-invalid',
    ],
    [
      'a negative stride',
      operator({ options: [1, { 0: u8(1), 1: i32(-1), 2: i32(1) }] }, convolution),
      'operator-invalid',
    ],
    [
      'a huge stride',
      operator({ options: [1, { 0: u8(1), 1: i32(2 ** 31 - 1), 2: i32(1) }] }, convolution),
      'operator-invalid',
    ],
    [
      'a dilation of 0',
      operator({ options: [1, { 0: u8(1), 1: i32(1), 2: i32(1), 4: i32(0) }] }, convolution),
      'operator-invalid',
    ],
    [
      'an unknown padding',
      operator({ options: [1, { 0: u8(2), 1: i32(1), 2: i32(1) }] }, convolution),
      'operator-invalid',
    ],
    [
      'a filter for more channels',
      tensor(1, { shape: [1, 1, 1, 4] }, convolution),
      'operator-invalid',
    ],
    ['a filter of lower rank', tensor(1, { shape: [2, 2] }, convolution), 'operator-invalid'],
    [
      'a larger output than the convolution makes',
      tensor(2, { shape: [1, 4, 4, 1] }, convolution),
      'operator-invalid',
    ],
    [
      'an average over nothing',
      pooling(operatorCodes.averagePool2d, [0, 1, 1, 0, 1]),
      'operator-invalid',
    ],
    [
      'a maximum over nothing',
      pooling(operatorCodes.maxPool2d, [0, 1, 1, 1, 0]),
      'operator-invalid',
    ],
    [
      'pooling with a stride of 0',
      pooling(operatorCodes.maxPool2d, [0, 0, 1, 1, 1]),
      'operator-invalid',
    ],
    [
      'an axis far out of range',
      withArgument(operatorCodes.expandDims, [-100_000], [1, 2, 3]),
      'operator-invalid',
    ],
    [
      'a mean over an axis that is not there',
      withArgument(operatorCodes.mean, [2], [2]),
      'operator-invalid',
    ],
    [
      'a mean over thousands of axes',
      withArgument(operatorCodes.mean, many(5000, 0), [3]),
      'operator-invalid',
    ],
    [
      'a reshape to more elements',
      withArgument(operatorCodes.reshape, [1, 7], [1, 7]),
      'operator-invalid',
    ],
    [
      'a mean without constant axes',
      { ...withArgument(operatorCodes.mean, [0], [3]), buffers: [empty, empty], inputs: [0, 1] },
      'operator-invalid',
    ],
    ['4097 tensors', { ...dense, tensors: many(4097, { shape: [1] }) }, 'model-too-large'],
    [
      '4097 operators',
      { ...dense, operators: many(4097, { code: 0, inputs: [], outputs: [] }) },
      'model-too-large',
    ],
    [
      '1025 entries of metadata',
      { ...dense, metadata: many(1025, 'x'.repeat(1000)) },
      'model-too-large',
    ],
    ['1025 inputs of an operator', operator({ inputs: many(1025, 0) }), 'model-too-large'],
    [
      'heavy work on little memory',
      {
        ...pooling(operatorCodes.maxPool2d, [0, 1, 1, 32768, 32768]),
        tensors: many(2, { shape: [1, 512, 512, 1] }),
      },
      'model-too-heavy',
    ],
    [
      'more multiply-accumulates than anyone waits for',
      tensor(
        1,
        { shape: [512, 1024, 1, 1] },
        {
          ...convolution,
          buffers: [empty, new Uint8Array(512 * 1024)],
          tensors: [
            { shape: [1, 1024, 128, 1] },
            { shape: [512, 1024, 1, 1], buffer: 1 },
            { shape: [1, 1024, 128, 512] },
          ],
          operators: [
            {
              code: 0,
              inputs: [0, 1],
              outputs: [2],
              options: [1, { 0: u8(0), 1: i32(1), 2: i32(1) }],
            },
          ],
        },
      ),
      'model-too-heavy',
    ],
    [
      'a softmax without a temperature',
      {
        codes: [operatorCodes.softmax],
        buffers: [empty],
        tensors: many(2, { shape: [1, 4], scales: [1 / 256], zeroPoints: [-128n] }),
        operators: [{ code: 0, inputs: [0], outputs: [1], options: [9, { 0: f32(NaN) }] }],
        inputs: [0],
        outputs: [1],
      },
      'operator-invalid',
    ],
  ];
  for (const [what, spec, code] of cases) {
    it(`are refused: ${what}`, () => {
      assert.equal(endOf(writeModelFile(spec)), code);
    });
  }

  const files: readonly (readonly [what: string, file: Uint8Array, code: Code])[] = [
    ['nothing', empty, 'model-truncated'],
    ['seven bytes', new Uint8Array(7), 'model-truncated'],
    ['zeros', new Uint8Array(64), 'model-not-tflite'],
    [
      'a root past the end',
      Uint8Array.from([0x18, 0, 0, 0, ...Buffer.from('TFL3')]),
      'model-truncated',
    ],
    [
      'a root that points at itself',
      Uint8Array.from([0, 0, 0, 0, ...Buffer.from('TFL3')]),
      'model-malformed',
    ],
  ];
  for (const [what, file, code] of files) {
    it(`are refused: ${what}`, () => {
      assert.equal(endOf(file), code);
    });
  }

  it('are refused where they need one byte of arena more than is allowed', () => {
    const model = writeModelFile(dense);
    const { arenaBytes } = Interpreter.create(core, model, { arenaBytes: 1_048_576 });
    for (let bytes = 0; bytes < arenaBytes; bytes++) {
      assert.equal(endOf(model, bytes), 'arena-too-small');
    }
    assert.equal(endOf(model, arenaBytes), 'finished');
  });

  it('cannot take more memory than there is by sharing their weights', () => {
    const depth = 1 << 22;
    const layers = 250;
    const model = writeModelFile({
      codes: dense.codes,
      buffers: [empty, new Uint8Array(depth)],
      tensors: [
        { shape: [1, depth] },
        { shape: [1, depth], buffer: 1 },
        ...many(layers, { shape: [1, 1] }),
      ],
      operators: many(layers, { inputs: [0, 1], options: dense.operators[0]?.options }).map(
        (each, i) => ({ code: 0, outputs: [2 + i], ...each }),
      ),
      inputs: [0],
      outputs: [2],
    });
    // Each layer packs the weights for itself: 4 GiB in all.
    assert.equal(endOf(model, 1 << 28), 'memory-exhausted');
  });

  it('cannot hide their work in many small steps', () => {
    const tensor = { shape: [1 << 25, 1], scales: [1 / 256], zeroPoints: [-128n] };
    const layers = 39;
    const model = writeModelFile({
      codes: [operatorCodes.softmax],
      buffers: [empty],
      tensors: Array.from({ length: layers + 1 }, () => tensor),
      operators: Array.from({ length: layers }, (_, i) => ({
        code: 0,
        inputs: [i],
        outputs: [i + 1],
        options: [9, { 0: f32(1) }] as const,
      })),
      inputs: [0],
      outputs: [layers],
    });
    assert.equal(endOf(model, 1 << 28), 'model-too-heavy');
  });

  it('cannot make a small file cost gigabytes by sharing its tables', () => {
    // The vectors are in the file once; copied for each tensor they would fill all memory.
    const scales = many(20_000, 1);
    const shared = { shape: [20_000], scales, zeroPoints: [0n], name: 'x'.repeat(1_000_000) };
    const model = writeModelFile({ ...dense, tensors: [...dense.tensors, ...many(4000, shared)] });
    assert.ok(model.length < 2_000_000);
    assert.equal(endOf(model), 'model-too-large');
    const named = { ...shared, scales: [1] };
    const tensors = [...dense.tensors, ...many(4000, named)];
    assert.equal(endOf(writeModelFile({ ...dense, tensors })), 'finished');
  });

  describe('made of the demo model', () => {
    const demo = new Uint8Array(readFileSync('simulator/demo/models/vibration-v1.tflite'));

    it('are refused or run when cut off at any length', () => {
      const ends = new Map<string, number>();
      for (let length = 0; length < demo.length; length += 7)
        count(ends, endOf(demo.subarray(0, length)));
      assertCoded(ends, 1);
    });

    it('are refused or run when any byte is flipped', () => {
      const ends = new Map<string, number>();
      for (let at = 0; at < demo.length; at += 3) {
        const flipped = demo.slice();
        flipped[at] = (flipped[at] ?? 0) ^ 0xff;
        count(ends, endOf(flipped));
      }
      assertCoded(ends, 5);
      assert.ok((ends.get('finished') ?? 0) > 0, 'flipped weights still run');
    });
  });
});

function count(ends: Map<string, number>, end: string): void {
  ends.set(end, (ends.get(end) ?? 0) + 1);
}

/** Traps have thrown before; nor must a refusal be a fault of the core. At least so many ends were seen. */
function assertCoded(ends: ReadonlyMap<string, number>, least: number): void {
  assert.equal(ends.get('engine-internal'), undefined);
  assert.ok(ends.size >= least, [...ends.keys()].join());
}
