import assert from 'node:assert/strict';
import type { Code } from '../../protocol/codes.js';
import { codeOfEngineNumber } from '../../protocol/engine-codes.js';
import { EngineError, Interpreter } from '../../wasm/loader/interpreter.js';
import type { FlatTable } from './flat-buffer.js';
import { writeModelFile, type ModelSpec, type TensorSpec } from './model-file.js';

/** How a model ends: refused, stopped, or run. */
export type HostileEnd = Code | 'finished';

/** A model of a class of hostile models, with one thing wrong, or a sound neighbour of such a model. */
export type HostileCase = readonly [
  number: keyof typeof hostileClasses,
  what: string,
  model: ModelSpec | Uint8Array,
  end: HostileEnd,
];

/** Classes of hostile models that the core has to refuse or to survive, each after a bug of some runtime. */
export const hostileClasses = {
  1: 'no model',
  2: 'root',
  3: 'identifier and version',
  4: 'vtables',
  5: 'vectors and strings',
  6: 'circles of tables',
  7: 'damage',
  8: 'bytes behind the FlatBuffer',
  9: 'buffers',
  10: 'indices of tensors',
  11: 'reads what it writes',
  12: 'operator codes',
  13: 'dimensions',
  14: 'sizes of constants',
  15: 'ranks and shapes',
  16: 'reshapes',
  17: 'attributes of layers',
  18: 'windows of pools',
  19: 'pieces and places',
  20: 'axes of reductions',
  21: 'axes of dimensions and pieces',
  22: 'masks of slices',
  23: 'subgraphs',
  24: 'state',
  25: 'scales and zero points',
  26: 'types and missing quantisation',
  27: 'lookups and sparsity',
  28: 'operators that nobody registers',
  29: 'operators without elements',
  31: 'heavy work',
  32: 'too many of all',
  33: 'offline plans',
  34: 'compressed weights',
} as const;

/** Takes a model as far as it goes. Anything but a refusal or a run is a trap, and is thrown on. */
export function endOf(
  core: WebAssembly.Module,
  model: ModelSpec | Uint8Array,
  arenaBytes = 1_048_576,
  mostWork?: number,
): HostileEnd {
  const file = model instanceof Uint8Array ? model : writeModelFile(model);
  try {
    Interpreter.create(core, file, { arenaBytes, mostWork }).invoke();
    return 'finished';
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return codeOfEngineNumber(error.number);
  }
}

/** Tests that each case ends as it says. The core is there when the tests run, not when they are told. */
export function itEndsEach(cases: readonly HostileCase[], core: () => WebAssembly.Module): void {
  for (const [number, what, model, end] of cases) {
    const ended = end === 'finished' ? 'run' : end === 'work-exceeded' ? 'stopped' : 'refused';
    it(`class ${number} (${hostileClasses[number]}), are ${ended}: ${what}`, () => {
      assert.equal(endOf(core(), model), end);
    });
  }
}

/** A tensor, and the bytes of a constant. */
export type GivenTensor = TensorSpec & { readonly data?: Uint8Array };

/** A model of one operator: inputs that are neither constant nor variable are the model's. */
export function oneOperator(
  code: number | string,
  inputs: readonly GivenTensor[],
  outputs: readonly TensorSpec[],
  options?: readonly [member: number, fields: FlatTable],
  custom?: Uint8Array,
): ModelSpec {
  const buffers: Uint8Array[] = [new Uint8Array()];
  const tensors: TensorSpec[] = inputs.map(({ data, ...tensor }) =>
    data === undefined ? tensor : { ...tensor, buffer: buffers.push(data) - 1 },
  );
  const indices = [...inputs.keys()];
  const outputIndices = outputs.map((_, i) => inputs.length + i);
  return {
    codes: [code],
    buffers,
    tensors: [...tensors, ...outputs],
    operators: [
      { code: 0, inputs: indices, outputs: outputIndices, options, ...(custom && { custom }) },
    ],
    inputs: indices.filter((i) => inputs[i]?.data === undefined && inputs[i]?.variable !== true),
    outputs: outputIndices,
  };
}

/** Bytes of 32-bit integers. */
export const int32s = (...values: readonly number[]): Uint8Array =>
  new Uint8Array(new Int32Array(values).buffer);
