import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { i32, u8, type FlatTable } from '../helpers/flat-buffer.js';
import {
  int32s,
  itEndsEach,
  oneOperator,
  type GivenTensor,
  type HostileCase,
} from '../helpers/hostile-case.js';
import {
  operatorCodes as codes,
  tensorTypes,
  type ModelSpec,
  type TensorSpec,
} from '../helpers/model-file.js';

const { float32, int32 } = tensorTypes;
const floats = (shape: readonly number[]): GivenTensor => ({ shape, type: float32 });
const constantFloats = (shape: readonly number[]): GivenTensor => ({
  ...floats(shape),
  data: new Uint8Array(4 * shape.reduce((product, each) => product * each, 1)),
});
const numbers = (...values: readonly number[]): GivenTensor => ({
  shape: [values.length],
  type: int32,
  data: int32s(...values),
});
const many = <T>(count: number, value: T): readonly T[] => new Array<T>(count).fill(value);

const reshape = (output: TensorSpec, ...shape: readonly number[]): ModelSpec =>
  oneOperator(codes.reshape, [{ shape: [2, 3] }, numbers(...shape)], [output]);
const conv = (
  filter: readonly number[],
  output: readonly number[],
  options: FlatTable,
): ModelSpec =>
  oneOperator(
    codes.conv2d,
    [floats([1, 4, 4, 1]), constantFloats(filter)],
    [floats(output)],
    [1, options],
  );
const blocks = (code: number, member: number, size: number): ModelSpec =>
  oneOperator(code, [floats([1, 2, 2, 4])], [floats([1, 4, 4, 1])], [member, { 0: i32(size) }]);
const batches = (size: number): ModelSpec =>
  oneOperator(
    codes.spaceToBatchNd,
    [floats([1, 2, 2, 1]), numbers(size, size), { ...numbers(0, 0, 0, 0), shape: [2, 2] }],
    [floats([1, 2, 2, 1])],
  );
const transposeConv = (stride: number): ModelSpec =>
  oneOperator(
    codes.transposeConv,
    [numbers(1, 4, 4, 1), constantFloats([1, 2, 2, 1]), floats([1, 4, 4, 1])],
    [floats([1, 4, 4, 1])],
    [49, { 0: u8(0), 1: i32(stride), 2: i32(stride) }],
  );
const split = (axis: number, pieces: number, outputs: readonly TensorSpec[]): ModelSpec =>
  oneOperator(codes.split, [numbers(axis), floats([4])], outputs, [35, { 0: i32(pieces) }]);
const splitV = (axis: number, sizes: readonly number[]): ModelSpec =>
  oneOperator(
    codes.splitV,
    [floats([4]), numbers(...sizes), { ...numbers(axis), shape: [] }],
    [floats([1]), floats([3])],
    [79, { 0: i32(2) }],
  );
const gatherNd = (
  from: readonly number[],
  places: GivenTensor,
  output: readonly number[],
): ModelSpec => oneOperator(codes.gatherNd, [floats(from), places], [floats(output)]);
const gather = (axis: number, batchDimensions: number, ...places: readonly number[]): ModelSpec =>
  oneOperator(
    codes.gather,
    [floats([4]), numbers(...places)],
    [floats([places.length])],
    [23, { 0: i32(axis), 1: i32(batchDimensions) }],
  );
const argMax = (code: number, member: number, axis: number): ModelSpec =>
  oneOperator(
    code,
    [floats([2, 3]), { ...numbers(axis), shape: [] }],
    [{ shape: [2], type: int32 }],
    [member, { 0: u8(int32) }],
  );
const expandDims = (axis: number): ModelSpec =>
  oneOperator(codes.expandDims, [floats([2, 3]), numbers(axis)], [floats([1, 2, 3])]);
const slice = (strides: number, masks: readonly number[], begin = 0): ModelSpec =>
  oneOperator(
    codes.stridedSlice,
    [floats([4]), numbers(begin), numbers(4), numbers(strides)],
    [floats([4])],
    [32, Object.fromEntries(masks.map((mask, slot) => [slot, i32(mask)]))],
  );
const svdf = (state: Partial<GivenTensor>, rank = 1): ModelSpec =>
  oneOperator(
    codes.svdf,
    [
      floats([1, 2]),
      constantFloats([2, 2]),
      constantFloats([2, 3]),
      constantFloats([2]),
      { ...floats([1, 6]), variable: true, ...state },
    ],
    [floats([1, 2])],
    [6, { 0: i32(rank), 1: u8(0) }],
  );
const quantised = (change: Partial<TensorSpec>): ModelSpec =>
  oneOperator(codes.add, [{ shape: [2] }, { shape: [2], ...change }], [{ shape: [2] }], [11, {}]);
const lookup = (index: number, rows: readonly number[] = [2, 2]): ModelSpec =>
  oneOperator(codes.embeddingLookup, [numbers(index), constantFloats(rows)], [floats([1, 2])]);
const dense = (
  inputs: readonly number[],
  weights: readonly number[],
  output: readonly number[],
): ModelSpec =>
  oneOperator(
    codes.fullyConnected,
    [floats(inputs), constantFloats(weights)],
    [floats(output)],
    [8, {}],
  );
const withMetadata = (name: string, data: Uint8Array, buffer = 1): ModelSpec => ({
  ...oneOperator(codes.relu, [floats([2])], [floats([2])]),
  buffers: [new Uint8Array(), data],
  metadata: [[name, buffer]],
});
const plan = (...offsets: readonly number[]): ModelSpec =>
  withMetadata('OfflineMemoryAllocation', int32s(1, 0, offsets.length, ...offsets));

/** Two bits for each of eight elements, and a table of four values. */
const header = [0, 1, 0, 0, 1, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const decode = (
  change: {
    codes?: GivenTensor;
    table?: readonly number[];
    at?: readonly [number, number];
    output?: TensorSpec;
  } = {},
): ModelSpec => {
  const ancillary = change.table ?? [...header, 10, 11, 12, 13];
  const data = Uint8Array.from(ancillary, (byte, i) =>
    change.at?.[0] === i ? change.at[1] : byte,
  );
  const packed = change.codes ?? {
    shape: [2],
    type: tensorTypes.uint8,
    data: Uint8Array.of(0x1b, 0xe4),
  };
  const table = { shape: [data.length], type: tensorTypes.uint8, data };
  return oneOperator('TFLM_DECODE', [packed, table], [change.output ?? { shape: [8] }]);
};

const strides = (width: number, height: number, dilation = 1): FlatTable => ({
  0: u8(1),
  1: i32(width),
  2: i32(height),
  4: i32(dilation),
  5: i32(dilation),
});
const cases: readonly HostileCase[] = [
  [9, 'the first buffer that is not there', quantised({ buffer: 1 }), 'index-invalid'],
  [9, 'a buffer of the greatest number', quantised({ buffer: 2 ** 32 - 1 }), 'index-invalid'],
  [
    9,
    'a buffer that is not there, of a tensor that nobody uses',
    { ...quantised({}), tensors: [...quantised({}).tensors, { shape: [1], buffer: 9 }] },
    'index-invalid',
  ],
  [
    10,
    'a tensor within an operator that is not there',
    {
      ...quantised({}),
      operators: [{ code: 0, inputs: [0, 1], outputs: [2], options: [11, {}], intermediates: [3] }],
    },
    'index-invalid',
  ],
  [10, 'a model output that is not there', { ...quantised({}), outputs: [3] }, 'index-invalid'],
  [10, 'a model input left out', { ...quantised({}), inputs: [-1] }, 'index-invalid'],
  [
    12,
    'a custom operator without a name',
    oneOperator('', [floats([1])], [floats([1])]),
    'operator-unsupported',
  ],
  [
    12,
    'a negative operator code',
    oneOperator(-7, [floats([1])], [floats([1])]),
    'operator-unsupported',
  ],
  [15, 'another shape in the signature', quantised({ signature: [7, 7, 7] }), 'finished'],
  [
    15,
    'a constant without a shape',
    oneOperator(
      codes.add,
      [{ shape: [2] }, { shape: [], data: new Uint8Array(2) }],
      [{ shape: [2] }],
      [11, {}],
    ),
    'buffer-invalid',
  ],
  [
    15,
    'eight dimensions',
    oneOperator(codes.abs, [floats(many(8, 1))], [floats(many(8, 1))]),
    'finished',
  ],
  [
    15,
    'a result of nine dimensions',
    oneOperator(codes.abs, [floats([1])], [floats(many(9, 1))]),
    'model-too-large',
  ],
  [16, 'a higher rank than the output has', reshape({ shape: [2, 3] }, 1, 1, 1, 2, 3), 'finished'],
  [16, 'more elements than the output has', reshape({ shape: [2, 2] }, 2, 3), 'operator-invalid'],
  [16, 'two open dimensions', reshape({ shape: [-1, -1] }, 2, 3), 'shape-invalid'],
  [
    16,
    'an open dimension that does not divide',
    reshape({ shape: [-1, 4] }, -1, 4),
    'operator-invalid',
  ],
  [
    17,
    'a filter without channels',
    conv([1, 2, 2, 0], [1, 3, 3, 1], strides(1, 1)),
    'shape-invalid',
  ],
  [17, 'strides of 0', conv([1, 2, 2, 1], [1, 3, 3, 1], strides(0, 0)), 'operator-invalid'],
  [
    17,
    'a dilation of 2^31 - 1',
    conv([1, 2, 2, 1], [1, 3, 3, 1], strides(1, 1, 2 ** 31 - 1)),
    'operator-invalid',
  ],
  [17, 'depths of blocks of 0', blocks(codes.depthToSpace, 94, 0), 'operator-invalid'],
  [
    17,
    'depths of blocks of 2^31 - 1',
    blocks(codes.depthToSpace, 94, 2 ** 31 - 1),
    'operator-invalid',
  ],
  [17, 'blocks of space of 0', blocks(codes.spaceToDepth, 19, 0), 'operator-invalid'],
  [17, 'negative blocks of space', blocks(codes.spaceToDepth, 19, -2), 'operator-invalid'],
  [17, 'blocks of batches of 0', batches(0), 'operator-invalid'],
  [17, 'negative blocks of batches', batches(-1), 'operator-invalid'],
  [17, 'transposed strides of 0', transposeConv(0), 'operator-invalid'],
  [17, 'transposed strides of 2^31 - 1', transposeConv(2 ** 31 - 1), 'operator-invalid'],
  [19, 'no pieces', split(0, 0, []), 'index-invalid'],
  [19, 'no pieces, and two outputs', split(0, 0, many(2, floats([2]))), 'finished'],
  [19, 'another number of pieces than outputs', split(0, 4, many(2, floats([2]))), 'finished'],
  [19, 'places in nothing', gatherNd([0], { ...numbers(0), shape: [1, 1] }, [1]), 'shape-invalid'],
  [19, 'no places', gatherNd([4], { shape: [0, 1], type: int32 }, [1]), 'shape-invalid'],
  [
    19,
    'places of more dimensions than there are',
    gatherNd([4], { ...numbers(0, 0), shape: [1, 2] }, [1]),
    'operator-invalid',
  ],
  [
    19,
    'a place behind the end',
    gatherNd([4], { ...numbers(4), shape: [1, 1] }, [1]),
    'operator-invalid',
  ],
  [
    19,
    'a place before the start',
    gatherNd([4], { ...numbers(-1), shape: [1, 1] }, [1]),
    'operator-invalid',
  ],
  [
    19,
    'one hot of nothing',
    oneOperator(codes.oneHot, [floats([0])], [floats([0])]),
    'shape-invalid',
  ],
  [19, 'a row behind the end', gather(0, 0, 4), 'operator-invalid'],
  [19, 'a row far before the start', gather(0, 0, -(2 ** 31)), 'operator-invalid'],
  [19, 'rows of an axis that is not there', gather(1, 0, 0), 'operator-invalid'],
  [19, 'more batches than dimensions', gather(0, 2, 0), 'operator-invalid'],
  [
    20,
    'a greatest along an axis that is not there',
    argMax(codes.argMax, 40, 2),
    'operator-invalid',
  ],
  [
    20,
    'a greatest along a negative axis that is not there',
    argMax(codes.argMax, 40, -3),
    'operator-invalid',
  ],
  [
    20,
    'a least along an axis that is not there',
    argMax(codes.argMin, 57, 100_000),
    'operator-invalid',
  ],
  [21, 'a new axis far before the first', expandDims(-100_000), 'operator-invalid'],
  [21, 'a new axis far behind the last', expandDims(2 ** 31 - 1), 'operator-invalid'],
  [21, 'pieces along an axis that is not there', splitV(1, [1, 3]), 'operator-invalid'],
  [21, 'pieces along a negative axis that is not there', splitV(-2, [1, 3]), 'operator-invalid'],
  [21, 'pieces that are more than the whole', splitV(0, [1, 4]), 'finished'],
  [21, 'pieces of a negative size', splitV(0, [5, -1]), 'finished'],
  [
    21,
    'pieces along an axis that is not there, of halves',
    split(7, 2, many(2, floats([2]))),
    'operator-invalid',
  ],
  [22, 'a slice of everything', slice(1, [0]), 'finished'],
  [22, 'an ellipsis', slice(1, [0, 0, 1]), 'finished'],
  [22, 'a new axis that the output does not have', slice(1, [0, 0, 0, 1]), 'operator-invalid'],
  [22, 'all masks at once, of which the ellipsis counts', slice(1, many(5, -1)), 'finished'],
  [22, 'a stride of 0', slice(0, [0]), 'operator-invalid'],
  [22, 'a stride of -2^31', slice(-(2 ** 31), [0]), 'operator-invalid'],
  [22, 'a start far before the first', slice(1, [0], -(2 ** 31)), 'finished'],
  [22, 'a start far behind the last', slice(1, [0], 2 ** 31 - 1), 'operator-invalid'],
  [24, 'a state that is kept', svdf({}), 'finished'],
  [24, 'a state that nobody keeps', svdf({ variable: false }), 'graph-invalid'],
  [24, 'a constant state', svdf({ variable: false, data: new Uint8Array(24) }), 'graph-invalid'],
  [24, 'a state that is too short', svdf({ shape: [1, 5] }), 'operator-invalid'],
  [24, 'a rank of 0', svdf({}, 0), 'operator-invalid'],
  [25, 'a scale of 0 that is rescaled', quantised({ scales: [0] }), 'quantisation-invalid'],
  [25, 'a scale that is no number', quantised({ scales: [NaN] }), 'quantisation-invalid'],
  [25, 'a negative infinite scale', quantised({ scales: [-Infinity] }), 'quantisation-invalid'],
  [25, 'the least zero point but one', quantised({ zeroPoints: [-129n] }), 'quantisation-invalid'],
  [
    25,
    'a zero point of 2^63 - 1',
    quantised({ zeroPoints: [2n ** 63n - 1n] }),
    'quantisation-invalid',
  ],
  [
    25,
    'a scale for each of two where there are three',
    quantised({ shape: [3], scales: [1, 1] }),
    'quantisation-invalid',
  ],
  [26, 'an int8 operand without a scale', quantised({ scales: [] }), 'quantisation-invalid'],
  [
    26,
    'operands of two types',
    quantised({ type: tensorTypes.int16, scales: [1] }),
    'type-unsupported',
  ],
  [27, 'the last row', lookup(1), 'finished'],
  [27, 'a row behind the last', lookup(2), 'operator-invalid'],
  [27, 'a negative row', lookup(-1), 'operator-invalid'],
  [27, 'a row whose bytes overflow 32 bits', lookup(2 ** 30), 'operator-invalid'],
  [27, 'rows that are longer than the output', lookup(0, [2, 3]), 'operator-invalid'],
  [
    28,
    'a transposed convolution in space',
    oneOperator(codes.conv3dTranspose, [floats([1])], [floats([1])]),
    'operator-unsupported',
  ],
  [
    28,
    'an operator of the next schema',
    oneOperator(2 ** 31 - 1, [floats([1])], [floats([1])]),
    'operator-unsupported',
  ],
  [
    28,
    'an operator of a delegate',
    oneOperator('TfLiteXNNPackDelegate', [floats([1])], [floats([1])]),
    'operator-unsupported',
  ],
  [29, 'a layer without inputs', dense([1, 0], [2, 0], [1, 2]), 'shape-invalid'],
  [29, 'a layer without outputs', dense([1, 3], [0, 3], [1, 0]), 'shape-invalid'],
  [29, 'a layer without rows', dense([0, 3], [2, 3], [0, 2]), 'shape-invalid'],
  [
    29,
    'a hash table without keys',
    oneOperator(codes.hashtableLookup, [floats([0])], [floats([0])]),
    'shape-invalid',
  ],
  [
    29,
    'hashes of nothing',
    oneOperator(codes.lshProjection, [floats([0, 0])], [floats([0])]),
    'shape-invalid',
  ],
  [32, 'names of megabytes', { ...quantised({}), metadata: ['x'.repeat(1 << 20)] }, 'finished'],
  [
    32,
    '10,000 tensors',
    { ...quantised({}), tensors: many(10_000, { shape: [1] }) },
    'model-too-large',
  ],
  [32, '256 subgraphs', { ...quantised({}), subgraphs: 256 }, 'model-too-large'],
  [33, 'a plan that leaves all to the planner', plan(-1, -1), 'finished'],
  [33, 'tensors on one another', plan(0, 0), 'feature-unsupported'],
  [33, 'a tensor behind the arena', plan(-1, 2 ** 31 - 1), 'feature-unsupported'],
  [
    33,
    'a plan that ends in its header',
    withMetadata('OfflineMemoryAllocation', int32s(1, 0)),
    'feature-unsupported',
  ],
  [
    33,
    'a plan in a buffer that is not there',
    withMetadata('OfflineMemoryAllocation', int32s(1), 2),
    'index-invalid',
  ],
  [
    34,
    'a table of compressed tensors',
    withMetadata('COMPRESSION_METADATA', int32s(1, 2, 3)),
    'feature-unsupported',
  ],
  [34, 'codes with their table', decode(), 'finished'],
  [
    34,
    'codes that are cut short',
    decode({ codes: { shape: [1], type: tensorTypes.uint8, data: Uint8Array.of(0x1b) } }),
    'operator-invalid',
  ],
  [34, 'a table that is cut short', decode({ table: [...header, 10, 11, 12] }), 'operator-invalid'],
  [34, 'a header that is cut short', decode({ table: header.slice(1) }), 'operator-invalid'],
  [34, 'codes of another version', decode({ at: [1, 2] }), 'operator-unsupported'],
  [34, 'codes of an unknown kind', decode({ at: [0, 9] }), 'operator-unsupported'],
  [34, 'indices without bits', decode({ at: [5, 0] }), 'operator-invalid'],
  [
    34,
    'codes that are not constant',
    decode({ codes: { shape: [2], type: tensorTypes.uint8 } }),
    'operator-invalid',
  ],
  [
    34,
    'a table for each of eight channels, and one there',
    decode({ output: { shape: [8], scales: many(8, 1) } }),
    'operator-invalid',
  ],
  [34, 'symbols without a table', decode({ at: [0, 1], table: header }), 'operator-invalid'],
  [
    34,
    'symbols that lead behind their table',
    decode({ at: [0, 1], table: [...header, 0xff, 0x07] }),
    'operator-invalid',
  ],
  [
    34,
    'fewer values than the bits say',
    decode({ at: [0, 2], table: [...header, 1] }),
    'operator-invalid',
  ],
];

describe('hostile operators', () => {
  let core: WebAssembly.Module;

  before(async () => {
    core = await compileWasmCore();
  });

  itEndsEach(cases, () => core);
});
