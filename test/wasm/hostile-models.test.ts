import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { Interpreter } from '../../wasm/loader/interpreter.js';
import { f32, i32, i32s, table, tables, u8 } from '../helpers/flat-buffer.js';
import {
  endOf as endOfModel,
  itEndsEach,
  type HostileCase,
  type HostileEnd,
} from '../helpers/hostile-case.js';
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

  const endOf = (model: Uint8Array, arenaBytes?: number): HostileEnd =>
    endOfModel(core, model, arenaBytes);

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

  const cases: readonly HostileCase[] = [
    [3, 'another identifier', { ...dense, identifier: 'TFL2' }, 'model-not-tflite'],
    [3, 'another schema version', { ...dense, version: 4 }, 'model-version-unsupported'],
    [32, 'no subgraph', { ...dense, subgraphs: 0 }, 'index-invalid'],
    [32, '65 subgraphs', { ...dense, subgraphs: 65 }, 'model-too-large'],
    [10, 'no outputs', { ...dense, outputs: [] }, 'index-invalid'],
    [
      8,
      'bytes behind the FlatBuffer, and behind the end',
      { ...dense, external: [2n ** 64n - 8n, 64n] },
      'model-malformed',
    ],
    [
      34,
      'compressed weights',
      { ...dense, metadata: ['COMPRESSION_METADATA'] },
      'feature-unsupported',
    ],
    [
      33,
      'an offline memory plan',
      { ...dense, metadata: ['OfflineMemoryAllocation'] },
      'feature-unsupported',
    ],
    [27, 'a sparse tensor without its dimensions', tensor(1, { sparsity: {} }), 'model-malformed'],
    [9, 'a buffer that is not there', tensor(1, { buffer: 3 }), 'index-invalid'],
    [10, 'an input tensor that is not there', operator({ inputs: [4, 1, 2] }), 'index-invalid'],
    [10, 'a negative tensor', operator({ inputs: [-2, 1, 2] }), 'index-invalid'],
    [10, 'a required input left out', operator({ inputs: [-1, 1, 2] }), 'operator-invalid'],
    [10, 'an output tensor that is not there', operator({ outputs: [4] }), 'index-invalid'],
    [10, 'an output left out', operator({ outputs: [-1] }), 'index-invalid'],
    [10, 'a model input that is not there', { ...dense, inputs: [4] }, 'index-invalid'],
    [12, 'an operator code that is not there', operator({ code: 1 }), 'index-invalid'],
    [11, 'an operator that writes what it reads', operator({ outputs: [0] }), 'graph-invalid'],
    [11, 'an operator that writes a constant', operator({ outputs: [1] }), 'graph-invalid'],
    [10, 'an input that nobody writes', { ...dense, inputs: [] }, 'graph-invalid'],
    [
      11,
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
    [12, 'an unknown operator', { ...dense, codes: [9999] }, 'operator-unsupported'],
    [12, 'a custom operator', { ...dense, codes: [operatorCodes.custom] }, 'operator-unsupported'],
    [23, 'a loop without a body', { ...dense, codes: [operatorCodes.while] }, 'operator-invalid'],
    [13, 'a dimension of 0', tensor(0, { shape: [1, 0] }), 'shape-invalid'],
    [13, 'a dimension of -1', tensor(0, { shape: [-1, 3] }), 'shape-invalid'],
    [13, 'a huge dimension', tensor(0, { shape: [1, 2 ** 31 - 1] }), 'shape-invalid'],
    [13, 'elements that overflow 32 bits', tensor(0, { shape: [65536, 65536] }), 'shape-invalid'],
    [13, 'elements that overflow 64 bits', tensor(0, { shape: many(6, 2 ** 30) }), 'shape-invalid'],
    [
      13,
      'bytes that overflow 32 bits',
      tensor(
        3,
        { shape: [2 ** 27, 2], type: tensorTypes.float32 },
        tensor(0, { shape: [2 ** 27, 3] }),
      ),
      'shape-invalid',
    ],
    [15, 'nine dimensions', tensor(0, { shape: many(9, 1) }), 'model-too-large'],
    [14, 'a constant that is too short', tensor(1, { shape: [2, 4] }), 'buffer-invalid'],
    [14, 'a constant that is too long', tensor(1, { shape: [2, 2] }), 'buffer-invalid'],
    [14, 'a variable with bytes', tensor(1, { variable: true }), 'buffer-invalid'],
    [14, 'more inputs than the weights take', tensor(0, { shape: [1, 4] }), 'operator-invalid'],
    [13, 'rows that overflow 32 bits', tensor(3, { shape: [2 ** 26, 2] }), 'operator-invalid'],
    [25, 'a scale of 0', tensor(0, { scales: [0] }), 'quantisation-invalid'],
    [25, 'a negative scale', tensor(0, { scales: [-1] }), 'quantisation-invalid'],
    [25, 'a scale that is no number', tensor(0, { scales: [NaN] }), 'quantisation-invalid'],
    [25, 'an infinite scale', tensor(0, { scales: [Infinity] }), 'quantisation-invalid'],
    [25, 'a denormal scale', tensor(0, { scales: [1e-40] }), 'quantisation-invalid'],
    [
      25,
      'a scale that overflows its multiplier',
      tensor(3, { scales: [1e-38] }),
      'quantisation-invalid',
    ],
    [25, 'a zero point beyond the type', tensor(0, { zeroPoints: [128n] }), 'quantisation-invalid'],
    [
      25,
      'a zero point beyond 32 bits',
      tensor(0, { zeroPoints: [2n ** 40n] }),
      'quantisation-invalid',
    ],
    [25, 'more scales than channels', tensor(1, { scales: [1, 1, 1] }), 'quantisation-invalid'],
    [
      25,
      'scales of no dimension at all',
      tensor(1, { scales: [1, 1, 1, 1], dimension: 9 }),
      'quantisation-invalid',
    ],
    [
      25,
      'scales of a negative dimension',
      tensor(1, { scales: [1, 1], dimension: -1 }),
      'quantisation-invalid',
    ],
    [
      25,
      'fewer zero points than scales',
      tensor(1, { scales: [1, 1, 1], zeroPoints: [0n, 0n] }),
      'quantisation-invalid',
    ],
    [26, 'no quantisation', tensor(0, { scales: [] }), 'quantisation-invalid'],
    [
      26,
      'weights of 64 bits',
      tensor(1, { type: tensorTypes.int64, shape: [1, 1], buffer: 2 }),
      'type-unsupported',
    ],
    [26, 'an unknown type', tensor(0, { type: 99 }), 'type-unsupported'],
    [
      17,
      'options of another operator',
      operator({ options: [1, { 0: u8(0) }] }),
      'operator-invalid',
    ],
    [17, 'no options', operator({ options: undefined }), 'operator-invalid'],
    [17, 'an unknown activation', operator({ options: [8, { 0: u8(77) }] }), 'operator-invalid'],
    [
      17,
      'a stride of 0',
      operator({ options: [1, { 0: u8(1), 1: i32(0), 2: i32(1) }] }, convolution),
      'operator-invalid',
    ],
    [
      17,
      'a negative stride',
      operator({ options: [1, { 0: u8(1), 1: i32(-1), 2: i32(1) }] }, convolution),
      'operator-invalid',
    ],
    [
      17,
      'a huge stride',
      operator({ options: [1, { 0: u8(1), 1: i32(2 ** 31 - 1), 2: i32(1) }] }, convolution),
      'operator-invalid',
    ],
    [
      17,
      'a dilation of 0',
      operator({ options: [1, { 0: u8(1), 1: i32(1), 2: i32(1), 4: i32(0) }] }, convolution),
      'operator-invalid',
    ],
    [
      17,
      'an unknown padding',
      operator({ options: [1, { 0: u8(2), 1: i32(1), 2: i32(1) }] }, convolution),
      'operator-invalid',
    ],
    [
      17,
      'a filter for more channels',
      tensor(1, { shape: [1, 1, 1, 4] }, convolution),
      'operator-invalid',
    ],
    [17, 'a filter of lower rank', tensor(1, { shape: [2, 2] }, convolution), 'operator-invalid'],
    [
      17,
      'a larger output than the convolution makes',
      tensor(2, { shape: [1, 4, 4, 1] }, convolution),
      'operator-invalid',
    ],
    [
      18,
      'an average over nothing',
      pooling(operatorCodes.averagePool2d, [0, 1, 1, 0, 1]),
      'operator-invalid',
    ],
    [
      18,
      'a maximum over nothing',
      pooling(operatorCodes.maxPool2d, [0, 1, 1, 1, 0]),
      'operator-invalid',
    ],
    [
      18,
      'pooling with a stride of 0',
      pooling(operatorCodes.maxPool2d, [0, 0, 1, 1, 1]),
      'operator-invalid',
    ],
    [
      21,
      'an axis far out of range',
      withArgument(operatorCodes.expandDims, [-100_000], [1, 2, 3]),
      'operator-invalid',
    ],
    [
      20,
      'a mean over an axis that is not there',
      withArgument(operatorCodes.mean, [2], [2]),
      'operator-invalid',
    ],
    [
      20,
      'a mean over thousands of axes',
      withArgument(operatorCodes.mean, many(5000, 0), [3]),
      'operator-invalid',
    ],
    [
      16,
      'a reshape to more elements',
      withArgument(operatorCodes.reshape, [1, 7], [1, 7]),
      'operator-invalid',
    ],
    [
      20,
      'a mean without constant axes',
      { ...withArgument(operatorCodes.mean, [0], [3]), buffers: [empty, empty], inputs: [0, 1] },
      'operator-invalid',
    ],
    [32, '4097 tensors', { ...dense, tensors: many(4097, { shape: [1] }) }, 'model-too-large'],
    [
      32,
      '4097 operators',
      { ...dense, operators: many(4097, { code: 0, inputs: [], outputs: [] }) },
      'model-too-large',
    ],
    [
      32,
      '1025 entries of metadata',
      { ...dense, metadata: many(1025, 'x'.repeat(1000)) },
      'model-too-large',
    ],
    [32, '1025 inputs of an operator', operator({ inputs: many(1025, 0) }), 'model-too-large'],
    [
      31,
      'heavy work on little memory',
      {
        ...pooling(operatorCodes.maxPool2d, [0, 1, 1, 32768, 32768]),
        tensors: many(2, { shape: [1, 512, 512, 1] }),
      },
      'model-too-heavy',
    ],
    [
      31,
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
      25,
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
  itEndsEach(cases, () => core);

  it('are refused where an inference takes more work than the caller allows', () => {
    const model = writeModelFile(dense);
    const end = (mostWork: number): HostileEnd => endOfModel(core, model, 1_048_576, mostWork);
    assert.deepEqual([0, 10, 1000].map(end), ['model-too-heavy', 'model-too-heavy', 'finished']);
  });

  it('are refused where they need one byte of arena more than is allowed', () => {
    const model = writeModelFile(dense);
    const { arenaBytes } = Interpreter.create(core, model, { arenaBytes: 1_048_576 });
    for (let bytes = 0; bytes < arenaBytes; bytes++) {
      assert.equal(endOf(model, bytes), 'arena-too-small');
    }
    assert.equal(endOf(model, arenaBytes), 'finished');
  });

  it('cannot take more memory than there is by sharing their weights', () => {
    const depth = 1 << 20;
    const layers = 400;
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
    // Each layer packs the weights for itself: 1.6 GiB in all without SIMD, 6.4 with it.
    assert.equal(endOf(model, 1 << 28), 'memory-exhausted');
  });

  it('cannot cost hours by convolutions that share their weights', () => {
    const channels = 1024;
    const layers = 4000;
    const tensor = { shape: [1, 1, 1, channels] };
    const model = writeModelFile({
      codes: convolution.codes,
      buffers: [empty, new Uint8Array(channels * channels)],
      tensors: [tensor, { shape: [channels, 1, 1, channels], buffer: 1 }, ...many(layers, tensor)],
      operators: many(layers, { options: convolution.operators[0]?.options }).map((each, i) => ({
        code: 0,
        inputs: [i === 0 ? 0 : 1 + i, 1],
        outputs: [2 + i],
        ...each,
      })),
      inputs: [0],
      outputs: [1 + layers],
    });
    // Four gigabytes of products: memory or work is at its end before.
    assert.ok(['memory-exhausted', 'model-too-heavy'].includes(endOf(model, 1 << 28)));
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

  const none = { 0: u8(1), 2: u8(1), 3: table({ 0: i32s([0, 0]) }), 4: u8(1) };
  const nothing = { 0: i32s([0]), 2: tables([{ ...none, 5: table({}) }]) };

  it('cannot cost hours by sharing the indices of sparse tensors', () => {
    // Read once for each tensor and level they would be billions.
    const shared = table({ 0: i32s(new Array<number>(500_000).fill(0)) });
    const levels = Array.from({ length: 8 }, () => ({ ...none, 3: shared, 5: shared }));
    const sparsity = { 0: i32s([0, 1, 2, 3, 4, 5, 6, 7]), 2: tables(levels) };
    const sparse = { shape: many(8, 1), buffer: 3, sparsity };
    const model = writeModelFile({
      ...dense,
      buffers: [...dense.buffers, new Uint8Array(1)],
      tensors: [...dense.tensors, ...many(4000, sparse)],
    });
    assert.ok(model.length < 40_000_000);
    assert.equal(endOf(model), 'finished');
  });

  it('cannot take more memory than a file may have by constants that are nowhere in it', () => {
    const elements = 40 << 20;
    const sparse = { shape: [elements], buffer: 1, sparsity: nothing };
    const model = (inputs: readonly number[]): Uint8Array =>
      writeModelFile({
        codes: [operatorCodes.densify],
        buffers: [empty, new Uint8Array(1)],
        tensors: [...many(inputs.length, sparse), ...many(inputs.length, { shape: [elements] })],
        operators: inputs.map((input, i) => ({
          code: 0,
          inputs: [input],
          outputs: [inputs.length + i],
        })),
        inputs: [],
        outputs: [inputs.length],
      });
    assert.equal(endOf(model([0]), 1 << 28), 'finished');
    assert.equal(endOf(model([0, 1]), 1 << 28), 'model-too-large');
    const twice = { ...sparse, shape: [elements / 2] };
    assert.equal(
      endOf(
        writeModelFile({
          codes: [operatorCodes.densify],
          buffers: [empty, new Uint8Array(1)],
          tensors: [twice, ...many(4, { shape: [elements / 2] })],
          operators: [1, 2, 3, 4].map((output) => ({ code: 0, inputs: [0], outputs: [output] })),
          inputs: [],
          outputs: [1],
        }),
        1 << 28,
      ),
      'model-too-large',
    );
  });

  it('cannot decode gigabytes out of one table', () => {
    // Pruned all but the first: one bit for each element, and one pair for all.
    const elements = 1 << 25;
    const header = Uint8Array.of(2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    const pairs = 400;
    const uint8 = tensorTypes.uint8;
    const model = writeModelFile({
      codes: ['TFLM_DECODE'],
      buffers: [empty, new Uint8Array(elements / 8), header],
      tensors: [
        { shape: [elements / 8], type: uint8, buffer: 1 },
        { shape: [16], type: uint8, buffer: 2 },
        ...many(pairs, { shape: [elements] }),
      ],
      operators: [
        {
          code: 0,
          inputs: Array.from({ length: 2 * pairs }, (_, i) => i % 2),
          outputs: Array.from({ length: pairs }, (_, i) => 2 + i),
        },
      ],
      inputs: [],
      outputs: [2],
    });
    assert.equal(endOf(model, 1 << 28), 'model-too-large');
  });

  it('cannot make copies of a constant by giving it back often', () => {
    const model = writeModelFile({
      ...dense,
      buffers: [...dense.buffers, new Uint8Array(4 << 20)],
      tensors: [...dense.tensors, { shape: [4 << 20], buffer: 3 }],
      outputs: [3, ...many(1000, 4)],
    });
    assert.equal(endOf(model, 1 << 28), 'arena-too-small');
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
