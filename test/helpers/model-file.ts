import {
  bytes,
  f32s,
  i32,
  i32s,
  i64s,
  table,
  tables,
  text,
  u32,
  u64,
  u8,
  writeFlatBuffer,
  type FlatTable,
} from './flat-buffer.js';

/** Numbers of the TensorFlow Lite schema. */
export const tensorTypes = {
  float32: 0,
  int32: 2,
  uint8: 3,
  int64: 4,
  bool: 6,
  int16: 7,
  int8: 9,
  resource: 13,
} as const;
export const operatorCodes = {
  add: 0,
  averagePool2d: 1,
  conv2d: 3,
  depthToSpace: 5,
  embeddingLookup: 7,
  fullyConnected: 9,
  hashtableLookup: 10,
  lshProjection: 15,
  maxPool2d: 17,
  relu: 19,
  reshape: 22,
  softmax: 25,
  spaceToDepth: 26,
  svdf: 27,
  custom: 32,
  gather: 36,
  spaceToBatchNd: 38,
  mean: 40,
  stridedSlice: 45,
  split: 49,
  argMax: 56,
  argMin: 79,
  transposeConv: 67,
  expandDims: 70,
  oneHot: 85,
  abs: 101,
  splitV: 102,
  gatherNd: 107,
  if: 118,
  while: 119,
  densify: 124,
  callOnce: 129,
  conv3dTranspose: 141,
  varHandle: 142,
  readVariable: 143,
  assignVariable: 144,
} as const;

/** A tensor; int8 with a scale of 1 unless something else is said. */
export interface TensorSpec {
  readonly type?: number;
  readonly shape: readonly number[];
  readonly buffer?: number;
  readonly name?: string;
  readonly scales?: readonly number[];
  readonly zeroPoints?: readonly bigint[];
  readonly dimension?: number;
  /** Its table `SparsityParameters`. */
  readonly sparsity?: FlatTable;
  /** What the exporter wrote as `shape_signature`. */
  readonly signature?: readonly number[];
  readonly variable?: boolean;
}

export interface OperatorSpec {
  readonly code: number;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Number of the union's member, and the member. */
  readonly options?: readonly [member: number, fields: FlatTable] | undefined;
  /** The options of a custom operator. */
  readonly custom?: Uint8Array;
  readonly intermediates?: readonly number[];
}

/** What is in a subgraph. */
export interface SubgraphSpec {
  readonly tensors: readonly TensorSpec[];
  readonly operators: readonly OperatorSpec[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** A model file, field by field: its first subgraph, and more. Buffer 0 is empty by convention. */
export interface ModelSpec extends SubgraphSpec {
  readonly identifier?: string;
  readonly version?: number;
  /** A name is that of a custom operator. */
  readonly codes: readonly (number | string)[];
  readonly buffers: readonly Uint8Array[];
  /** Position and size of bytes behind the FlatBuffer, for the last buffer. */
  readonly external?: readonly [offset: bigint, size: bigint];
  /** Names, or names and the buffers that they are about. */
  readonly metadata?: readonly (string | readonly [name: string, buffer: number])[];
  /** How often the first subgraph is listed. */
  readonly subgraphs?: number;
  /** Subgraphs behind the first. */
  readonly more?: readonly SubgraphSpec[];
}

/**
 * Writes a `.tflite` file exactly as specified, however wrong that is. Tensors that are one object share one table
 * of the file.
 */
export function writeModelFile(spec: ModelSpec): Uint8Array {
  const last = spec.buffers.length - 1;
  const own = new Array<FlatTable>(spec.subgraphs ?? 1).fill(subgraphTable(spec));
  return writeFlatBuffer(spec.identifier ?? 'TFL3', {
    0: u32(spec.version ?? 3),
    1: tables(spec.codes.map(codeTable)),
    2: tables([...own, ...(spec.more ?? []).map(subgraphTable)]),
    4: tables(
      spec.buffers.map((data, i) => ({
        0: data.length === 0 ? undefined : bytes(data),
        1: i === last && spec.external ? u64(spec.external[0]) : undefined,
        2: i === last && spec.external ? u64(spec.external[1]) : undefined,
      })),
    ),
    6: spec.metadata && tables(spec.metadata.map(metadataTable)),
  });
}

function subgraphTable({ tensors, operators, inputs, outputs }: SubgraphSpec): FlatTable {
  const written = new Map([...new Set(tensors)].map((tensor) => [tensor, tensorTable(tensor)]));
  return {
    0: tables(tensors.map((tensor) => written.get(tensor) ?? {})),
    1: i32s(inputs),
    2: i32s(outputs),
    3: tables(operators.map(operatorTable)),
  };
}

function metadataTable(entry: string | readonly [name: string, buffer: number]): FlatTable {
  const [name, buffer] = typeof entry === 'string' ? [entry, 0] : entry;
  return { 0: text(name), 1: u32(buffer) };
}

function codeTable(given: number | string): FlatTable {
  const code = typeof given === 'string' ? operatorCodes.custom : given;
  const name = typeof given === 'string' ? text(given) : undefined;
  return { 0: u8(Math.min(code, 127)), 1: name, 3: i32(code) };
}

/**
 * A streaming model: the last four inputs of so many values are its output, after each second of them. Without attributes a
 * buffer of four waits for two inputs.
 */
export function writeStreamingModel(values = 2): Uint8Array {
  return writeModelFile({
    codes: ['CIRCULAR_BUFFER', operatorCodes.abs],
    buffers: [new Uint8Array()],
    tensors: [
      { shape: [1, 1, 1, values] },
      { shape: [1, 4, 1, values], variable: true },
      { shape: [1, 4, 1, values] },
    ],
    operators: [
      { code: 0, inputs: [0], outputs: [1] },
      { code: 1, inputs: [1], outputs: [2] },
    ],
    inputs: [0],
    outputs: [2],
  });
}

/** A model that gives its int8 values back as they are, without quantisation unless a scale is given. */
export function writeEchoModel(values: number, scale?: number): Uint8Array {
  const tensor = { shape: [1, values], scales: scale === undefined ? [] : [scale] };
  return writeModelFile({
    codes: [operatorCodes.reshape],
    buffers: [new Uint8Array()],
    tensors: [tensor, { ...tensor }],
    operators: [{ code: 0, inputs: [0], outputs: [1] }],
    inputs: [0],
    outputs: [1],
  });
}

function tensorTable(spec: TensorSpec): FlatTable {
  const { type = tensorTypes.int8, scales = type === tensorTypes.int8 ? [1] : [] } = spec;
  const { zeroPoints = scales.map(() => 0n) } = spec;
  return {
    0: i32s(spec.shape),
    1: u8(type),
    2: u32(spec.buffer ?? 0),
    3: text(spec.name ?? ''),
    4:
      scales.length === 0
        ? undefined
        : table({ 2: f32s(scales), 3: i64s(zeroPoints), 6: i32(spec.dimension ?? 0) }),
    5: spec.variable === true ? u8(1) : undefined,
    6: spec.sparsity && table(spec.sparsity),
    7: spec.signature && i32s(spec.signature),
  };
}

function operatorTable(spec: OperatorSpec): FlatTable {
  const { code, inputs, outputs, options, custom, intermediates } = spec;
  return {
    0: u32(code),
    1: i32s(inputs),
    2: i32s(outputs),
    3: options && u8(options[0]),
    4: options && table(options[1]),
    5: custom && bytes(custom),
    8: intermediates && i32s(intermediates),
  };
}
