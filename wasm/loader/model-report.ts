import { builtinName } from './builtin-names.js';

/** Element types as the agent names them; others are refused at the border of a model. */
export type TensorType =
  | 'float32'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool';

/** A tensor of a model. */
export interface TensorReport {
  readonly name: string;
  /** TensorFlow Lite's name of the type, in lower case. */
  readonly type: string;
  /** Constants are read from the model, variables keep their values between inferences, resources name variables. */
  readonly location: 'constant' | 'arena' | 'variable' | 'resource';
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** real = scale * (quantised - zeroPoint); one scale, one for each channel, or none. */
  readonly scales: readonly number[];
  readonly zeroPoint: number;
  readonly quantisedDimension: number;
}

/** An operator of a model, with what it costs. */
export interface OperatorReport {
  /** Builtin code of the TensorFlow Lite schema. */
  readonly code: number;
  readonly name: string;
  /** Indices of tensors; -1 where an optional input is left out. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Multiply-accumulates. */
  readonly macs: number;
  /** Inputs, weights and outputs, each counted once. */
  readonly movedBytes: number;
  /** Weights and tables in the layout of the kernel, apart from the model. */
  readonly packedBytes: number;
}

/** A subgraph: what the model runs, or what one of its operators calls. */
export interface SubgraphReport {
  readonly tensors: readonly TensorReport[];
  readonly operators: readonly OperatorReport[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** Where a tensor or scratch buffer lies in the arena, and from when to when. */
export interface PlacementReport {
  /** The subgraph that it belongs to; the model's own is 0. */
  readonly subgraph: number;
  /** Index of the tensor; -1 for a scratch buffer. */
  readonly tensor: number;
  readonly offset: number;
  readonly byteLength: number;
  /** 0 is before the first operator, n + 1 is operator n; what an operator calls takes moments of its own. */
  readonly first: number;
  readonly last: number;
}

/** Element types that go together, by tensor; `same` stands for that of the first input, and the last of a list for all that follow. */
export interface SignatureReport {
  readonly inputs: readonly (readonly string[])[];
  readonly outputs: readonly (readonly string[])[];
}

/** An operator that the core refuses. */
export interface RefusalReport {
  readonly subgraph: number;
  readonly operator: number;
  /** See `wasm/src/error.rs`. */
  readonly number: number;
  /** What the operator takes instead; none where the core does not have it. */
  readonly takes: readonly SignatureReport[];
}

/** What is known of a model before its first inference; tensors and operators are those of its own subgraph. */
export interface ModelReport extends SubgraphReport {
  /** Activations and scratch buffers: upstream's non-persistent arena. */
  readonly arenaBytes: number;
  readonly variableBytes: number;
  /** Memory that fast kernels use one after the other, apart from the arena. */
  readonly workspaceBytes: number;
  readonly packedBytes: number;
  /** Of branches the dearer counts, of loops one round. */
  readonly macs: number;
  readonly movedBytes: number;
  /** Subgraphs that operators call: number 1 and on. */
  readonly called: readonly SubgraphReport[];
  readonly placements: readonly PlacementReport[];
  /** Operators for which the model is refused; plan and costs are empty then. */
  readonly refused: readonly RefusalReport[];
}

/** The layout that this file reads (`wasm/src/report.rs`). */
const version = 3;

/** TensorType of the TensorFlow Lite schema, by number. */
const typeNames: readonly string[] = [
  'float32',
  'float16',
  'int32',
  'uint8',
  'int64',
  'string',
  'bool',
  'int16',
  'complex64',
  'int8',
  'float64',
  'complex128',
  'uint64',
  'resource',
  'variant',
  'uint32',
  'uint16',
  'int4',
  'bfloat16',
];

const locations = ['constant', 'arena', 'variable', 'resource'] as const;

/** Reads the report of the Rust side. It comes from our own code, so what does not fit is a broken invariant. */
export function readReport(bytes: Uint8Array): ModelReport {
  const reader = new Reader(bytes);
  const found = reader.u32();
  if (found !== version) throw new Error(`the core reports in version ${found}`);
  const totals = {
    arenaBytes: reader.u32(),
    variableBytes: reader.u32(),
    workspaceBytes: reader.u32(),
    packedBytes: reader.u32(),
    macs: reader.f64(),
    movedBytes: reader.f64(),
  };
  const [main, ...called] = reader.list(() => readSubgraph(reader));
  if (main === undefined) throw new Error('the core reports no subgraph');
  return {
    ...totals,
    ...main,
    called,
    placements: reader.list(() => ({
      subgraph: reader.u32(),
      tensor: reader.i32(),
      offset: reader.u32(),
      byteLength: reader.u32(),
      first: reader.u32(),
      last: reader.u32(),
    })),
    refused: reader.list(() => readRefusal(reader)),
  };
}

function readRefusal(reader: Reader): RefusalReport {
  const types = (): string[][] => reader.list(() => readTypes(reader.u32()));
  return {
    subgraph: reader.u32(),
    operator: reader.u32(),
    number: reader.u32(),
    takes: reader.list(() => ({ inputs: types(), outputs: types() })),
  };
}

/** A set of types, as bits by the schema's numbers. */
function readTypes(bits: number): string[] {
  if (bits === 0) return ['same'];
  return typeNames.filter((_, number) => ((bits >>> number) & 1) === 1);
}

function readSubgraph(reader: Reader): SubgraphReport {
  return {
    tensors: reader.list(() => readTensor(reader)),
    operators: reader.list(() => readOperator(reader)),
    inputs: reader.list(() => reader.i32()),
    outputs: reader.list(() => reader.i32()),
  };
}

function readTensor(reader: Reader): TensorReport {
  const name = reader.text();
  const type = typeNames[reader.u8()] ?? 'unknown';
  const location = locations[reader.u8()] ?? 'arena';
  return {
    name,
    type,
    location,
    shape: reader.list(() => reader.u32()),
    byteLength: reader.u32(),
    scales: reader.list(() => reader.f32()),
    zeroPoint: reader.i32(),
    quantisedDimension: reader.u32(),
  };
}

function readOperator(reader: Reader): OperatorReport {
  const code = reader.i32();
  return {
    code,
    name: reader.text() || builtinName(code),
    inputs: reader.list(() => reader.i32()),
    outputs: reader.list(() => reader.i32()),
    macs: reader.f64(),
    movedBytes: reader.f64(),
    packedBytes: reader.f64(),
  };
}

/** Little-endian values, one after the other; a DataView throws at the end. */
class Reader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  f32(): number {
    return this.#view.getFloat32(this.#advance(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#advance(8), true);
  }

  text(): string {
    const length = this.u32();
    const start = this.#advance(length);
    return new TextDecoder().decode(this.#bytes.subarray(start, start + length));
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.u32() }, read);
  }

  #advance(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    return at;
  }
}
