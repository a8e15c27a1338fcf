import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import {
  bytes,
  i32,
  i32s,
  table,
  tables,
  text,
  u8,
  vector,
  type FlatTable,
} from '../helpers/flat-buffer.js';
import {
  endOf,
  int32s,
  itEndsEach,
  oneOperator,
  type HostileCase,
} from '../helpers/hostile-case.js';
import {
  operatorCodes as codes,
  tensorTypes,
  writeModelFile,
  type ModelSpec,
  type OperatorSpec,
  type SubgraphSpec,
  type TensorSpec,
} from '../helpers/model-file.js';

const empty: Uint8Array = new Uint8Array();
const floats: TensorSpec = { shape: [2], type: tensorTypes.float32 };
const flag: TensorSpec = { shape: [1], type: tensorTypes.bool };
/** Buffer 1 holds yes, buffer 2 no. */
const yes = { ...flag, buffer: 1 };
const no = { ...flag, buffer: 2 };
const handle: TensorSpec = { shape: [], type: tensorTypes.resource };

/** What the models below are made of: their operators have these codes. */
const [relu, callIf, callWhile, callOnce, varHandle, read, assign] = [0, 1, 2, 3, 4, 5, 6] as const;
const common = {
  codes: [
    codes.relu,
    codes.if,
    codes.while,
    codes.callOnce,
    codes.varHandle,
    codes.readVariable,
    codes.assignVariable,
  ],
  buffers: [empty, Uint8Array.of(1), Uint8Array.of(0)],
};
const call = (
  code: number,
  inputs: readonly number[],
  outputs: readonly number[],
  callees: readonly number[],
): OperatorSpec => ({
  code,
  inputs,
  outputs,
  options: [
    { [callIf]: 92, [callWhile]: 93, [callOnce]: 103 }[code] ?? 0,
    Object.fromEntries(callees.map((callee, slot) => [slot, i32(callee)])),
  ],
});

/** One operator on two floats. */
const branch: SubgraphSpec = {
  tensors: [floats, floats],
  operators: [{ code: relu, inputs: [0], outputs: [1] }],
  inputs: [0],
  outputs: [1],
};
const choice = (
  callees: readonly number[],
  more: readonly SubgraphSpec[] = [branch, branch],
): ModelSpec => ({
  ...common,
  tensors: [flag, floats, floats],
  operators: [call(callIf, [0, 1], [2], callees)],
  inputs: [0, 1],
  outputs: [2],
  more,
});
/** Asks for the flag that it is given, or always for the same. */
const condition = (answer: TensorSpec = flag): SubgraphSpec => ({
  tensors: [flag, floats, answer],
  operators: [],
  inputs: [0, 1],
  outputs: [answer === flag ? 0 : 2],
});
const body: SubgraphSpec = {
  tensors: [flag, floats, no, floats],
  operators: [{ code: relu, inputs: [1], outputs: [3] }],
  inputs: [0, 1],
  outputs: [2, 3],
};
const loop = (
  callees: readonly number[],
  more: readonly SubgraphSpec[] = [condition(), body],
): ModelSpec => ({
  ...common,
  tensors: [flag, floats, flag, floats],
  operators: [call(callWhile, [0, 1], [2, 3], callees)],
  inputs: [0, 1],
  outputs: [2, 3],
  more,
});
/** A subgraph that calls others, one after the other, before it ends. */
const caller = (...callees: readonly number[]): SubgraphSpec => ({
  tensors: [],
  operators: callees.map((callee) => call(callOnce, [], [], [callee])),
  inputs: [],
  outputs: [],
});
const calls = (...more: readonly SubgraphSpec[]): ModelSpec => ({
  ...common,
  ...branch,
  operators: [call(callOnce, [], [], [1]), ...branch.operators],
  more,
});

const named = (output: number, name = 'state', container?: string): OperatorSpec => ({
  code: varHandle,
  inputs: [],
  outputs: [output],
  options: [111, { 0: container === undefined ? undefined : text(container), 1: text(name) }],
});
/** Writes the input to a variable, and reads the output from one. */
const variables = (
  operators: readonly OperatorSpec[],
  change: Partial<ModelSpec> = {},
): ModelSpec => ({
  ...common,
  tensors: [floats, floats, handle, handle, { ...floats, shape: [3] }],
  operators,
  inputs: [0],
  outputs: [1],
  ...change,
});
const write: OperatorSpec = { code: assign, inputs: [2, 0], outputs: [] };
const readBack: OperatorSpec = { code: read, inputs: [2], outputs: [1] };

/** Weights of which row 0 has the second, and row 1 the first and the third. */
const weights: FlatTable = {
  0: i32s([0, 1]),
  2: tables([
    { 0: u8(0), 1: i32(2) },
    {
      0: u8(1),
      2: u8(1),
      3: table({ 0: i32s([0, 1, 3]) }),
      4: u8(3),
      5: table({ 0: bytes(Uint8Array.of(1, 0, 2)) }),
    },
  ]),
};
const level = (change: FlatTable): FlatTable => ({
  0: u8(1),
  2: u8(1),
  3: table({ 0: i32s([0, 1, 3]) }),
  4: u8(3),
  5: table({ 0: bytes(Uint8Array.of(1, 0, 2)) }),
  ...change,
});
const sparse = (sparsity: FlatTable, tensor: Partial<TensorSpec> = {}, values = 3): ModelSpec =>
  oneOperator(
    codes.fullyConnected,
    [{ shape: [1, 3] }, { shape: [2, 3], data: new Uint8Array(values), sparsity, ...tensor }],
    [{ shape: [1, 2] }],
    [8, {}],
  );
const rows = (second: FlatTable, rows = 2): FlatTable => ({
  ...weights,
  2: tables([{ 0: u8(0), 1: i32(rows) }, level(second)]),
});
/** Two columns of blocks of one row and three columns. */
const blocked = (change: FlatTable = {}, block = 3): FlatTable => ({
  0: i32s([0, 1, 2]),
  1: i32s([1]),
  2: tables([
    { 0: u8(0), 1: i32(2) },
    level({ 3: table({ 0: i32s([0, 0, 1]) }), 5: table({ 0: bytes(Uint8Array.of(0)) }) }),
    { 0: u8(0), 1: i32(block) },
  ]),
  ...change,
});

const cases: readonly HostileCase[] = [
  [23, 'a choice of two subgraphs', choice([1, 2]), 'finished'],
  [23, 'a choice of one subgraph twice', choice([1, 1]), 'finished'],
  [23, 'a choice that calls its own subgraph', choice([0, 1]), 'index-invalid'],
  [23, 'a choice of subgraphs that are not there', choice([1, 3]), 'index-invalid'],
  [23, 'a choice of a negative subgraph', choice([-1, 1]), 'index-invalid'],
  [
    23,
    'a choice with fewer results than outputs',
    choice([1, 2], [branch, { ...branch, outputs: [] }]),
    'operator-invalid',
  ],
  [
    23,
    'a choice with other inputs',
    choice([1, 2], [branch, { ...branch, tensors: [{ ...floats, shape: [3] }, floats] }]),
    'operator-invalid',
  ],
  [
    23,
    'a choice by two flags',
    { ...choice([1, 2]), tensors: [{ ...flag, shape: [2] }, floats, floats] },
    'operator-invalid',
  ],
  [
    23,
    'a choice by no flag',
    { ...choice([1, 2]), tensors: [{ ...flag, shape: [0] }, floats, floats] },
    'shape-invalid',
  ],
  [23, 'a loop', loop([1, 2]), 'finished'],
  [23, 'a loop whose condition is its body', loop([1, 1]), 'operator-invalid'],
  [23, 'a loop whose body is its condition', loop([2, 2]), 'operator-invalid'],
  [23, 'a loop that calls its own subgraph', loop([0, 0]), 'index-invalid'],
  [23, 'a loop without an end', loop([1, 2], [condition(yes), body]), 'work-exceeded'],
  [
    23,
    'a loop without an end in a loop without an end',
    loop([1, 2], [condition(yes), { ...loop([1, 3]), inputs: [0, 1], outputs: [2, 3] }, body]),
    'work-exceeded',
  ],
  [
    23,
    'a condition that answers nothing',
    loop([1, 2], [{ ...condition(), outputs: [] }, body]),
    'operator-invalid',
  ],
  [
    23,
    'a body that returns what nobody wrote',
    loop([1, 2], [condition(), { ...body, operators: [] }]),
    'graph-invalid',
  ],
  [23, 'a subgraph that calls itself', calls(caller(1)), 'graph-invalid'],
  [23, 'a circle of three subgraphs', calls(caller(2), caller(3), caller(1)), 'graph-invalid'],
  [23, 'a circle that nobody enters', calls(caller(), caller(3), caller(2)), 'finished'],
  [
    23,
    'a loop in its own body',
    loop([1, 2], [condition(), { ...loop([1, 2]), inputs: [0, 1], outputs: [2, 3] }]),
    'graph-invalid',
  ],
  [
    23,
    'sixteen subgraphs that wait for one another',
    calls(...Array.from({ length: 14 }, (_, i) => caller(i + 2)), caller()),
    'finished',
  ],
  [
    23,
    'seventeen subgraphs that wait for one another',
    calls(...Array.from({ length: 15 }, (_, i) => caller(i + 2)), caller()),
    'graph-invalid',
  ],
  [
    23,
    'calls that double with each subgraph',
    calls(
      ...Array.from({ length: 14 }, (_, i) => caller(...new Array<number>(8).fill(i + 2))),
      caller(),
    ),
    'model-too-heavy',
  ],
  [24, 'a variable that is written and read', variables([named(2), write, readBack]), 'finished'],
  [
    24,
    'a variable that is read before it is written',
    variables([named(2), readBack, write]),
    'finished',
  ],
  [24, 'a variable that is never written', variables([named(2), readBack]), 'operator-invalid'],
  [
    24,
    'a variable that is written under another name',
    variables([named(2), named(3, 'other'), { ...write, inputs: [3, 0] }, readBack]),
    'operator-invalid',
  ],
  [
    24,
    'a variable of two sizes',
    variables([named(2), write, { code: read, inputs: [2], outputs: [4] }], { outputs: [4] }),
    'operator-invalid',
  ],
  [24, 'a handle that names nothing', variables([write, readBack]), 'graph-invalid'],
  [
    24,
    'a handle that is given from outside',
    variables([write, readBack], { inputs: [0, 2] }),
    'graph-invalid',
  ],
  [
    24,
    'a handle that is given back',
    variables([named(2), write, readBack], { outputs: [1, 2] }),
    'graph-invalid',
  ],
  [
    24,
    'a handle that is a number',
    variables([{ code: assign, inputs: [0, 0], outputs: [] }], { outputs: [0] }),
    'type-unsupported',
  ],
  [
    24,
    'a variable of handles',
    variables([named(2), { code: assign, inputs: [2, 2], outputs: [] }], { outputs: [0] }),
    'type-unsupported',
  ],
  [
    24,
    'a handle that is computed',
    variables([named(2), { code: relu, inputs: [2], outputs: [1] }]),
    'type-unsupported',
  ],
  [
    24,
    'a constant handle',
    variables([write, readBack], {
      tensors: [floats, floats, { ...handle, buffer: 3 }],
      buffers: [...common.buffers, int32s(0)],
    }),
    'operator-invalid',
  ],
  [
    24,
    'a variable without a name',
    variables([{ ...named(2), options: undefined }, write, readBack]),
    'operator-invalid',
  ],
  [
    24,
    'the longest name of a variable',
    variables([named(2, 'x'.repeat(1024)), write, readBack]),
    'finished',
  ],
  [
    24,
    'a longer name of a variable',
    variables([named(2, 'x'.repeat(1025)), write, readBack]),
    'model-too-large',
  ],
  [
    24,
    'a longer name of a container',
    variables([named(2, 'x', 'x'.repeat(1025)), write, readBack]),
    'model-too-large',
  ],
  [
    24,
    'a loop that goes on with another variable',
    {
      ...common,
      tensors: [flag, handle, flag, handle, floats],
      operators: [
        named(1),
        { code: assign, inputs: [1, 4], outputs: [] },
        call(callWhile, [0, 1], [2, 3], [1, 2]),
      ],
      inputs: [0, 4],
      outputs: [2],
      more: [
        { tensors: [flag, handle], operators: [], inputs: [0, 1], outputs: [0] },
        {
          tensors: [flag, handle, handle, floats],
          operators: [
            named(2, 'other'),
            { code: read, inputs: [2], outputs: [3] },
            { code: assign, inputs: [2, 3], outputs: [] },
          ],
          inputs: [0, 1],
          outputs: [0, 2],
        },
      ],
    },
    'graph-invalid',
  ],
  [27, 'sparse weights', sparse(weights), 'finished'],
  [27, 'sparse weights in blocks', sparse(blocked()), 'finished'],
  [27, 'sparse weights without their dimensions', sparse({}), 'model-malformed'],
  [
    27,
    'segments that are cut short',
    sparse(rows({ 3: table({ 0: i32s([0, 1]) }) })),
    'model-malformed',
  ],
  [27, 'segments that are not there', sparse(rows({ 3: undefined })), 'model-malformed'],
  [
    27,
    'segments that lead behind the indices',
    sparse(rows({ 3: table({ 0: i32s([0, 1, 4]) }) })),
    'model-malformed',
  ],
  [27, 'negative segments', sparse(rows({ 3: table({ 0: i32s([-1, 1, 3]) }) })), 'model-malformed'],
  [27, 'segments that lead back', sparse(rows({ 3: table({ 0: i32s([3, 1, 3]) }) })), 'finished'],
  [
    27,
    'segments that repeat the indices',
    sparse(rows({ 3: table({ 0: i32s([0, 3, 0]) }) })),
    'finished',
  ],
  [
    27,
    'indices that are cut short',
    sparse(rows({ 5: table({ 0: bytes(Uint8Array.of(1, 0)) }) })),
    'model-malformed',
  ],
  [27, 'indices that are not there', sparse(rows({ 5: undefined })), 'model-malformed'],
  [
    27,
    'indices that lead behind the row',
    sparse(rows({ 5: table({ 0: bytes(Uint8Array.of(1, 0, 3)) }) })),
    'model-malformed',
  ],
  [27, 'indices of an unknown width', sparse(rows({ 4: u8(4) })), 'model-malformed'],
  [
    27,
    'indices that claim to be more than the file',
    sparse(rows({ 5: table({ 0: vector(2 ** 28, empty) }) })),
    'model-truncated',
  ],
  [
    27,
    'negative indices',
    sparse(rows({ 4: u8(1), 5: table({ 0: i32s([1, -1, 2]) }) })),
    'model-malformed',
  ],
  [27, 'an unknown format of a level', sparse(rows({ 0: u8(2) })), 'feature-unsupported'],
  [27, 'a dimension twice', sparse({ ...weights, 0: i32s([0, 0]) }), 'model-malformed'],
  [27, 'a dimension that is not there', sparse({ ...weights, 0: i32s([0, 2]) }), 'model-malformed'],
  [27, 'a negative dimension', sparse({ ...weights, 0: i32s([0, -1]) }), 'model-malformed'],
  [27, 'fewer levels than dimensions', sparse({ ...weights, 0: i32s([0]) }), 'model-malformed'],
  [
    27,
    'more levels than there can be',
    sparse({ ...weights, 0: i32s(new Array<number>(17).fill(0)) }),
    'model-too-large',
  ],
  [
    27,
    'blocks of a dimension that is not there',
    sparse(blocked({ 1: i32s([2]) })),
    'model-malformed',
  ],
  [27, 'blocks of a negative dimension', sparse(blocked({ 1: i32s([-1]) })), 'model-malformed'],
  [27, 'blocks that are larger than the row', sparse(blocked({}, 4), {}, 4), 'model-malformed'],
  [27, 'blocks of a negative size', sparse(blocked({}, -1)), 'model-malformed'],
  [27, 'blocks without a size', sparse(blocked({}, 0)), 'finished'],
  [
    27,
    'blocks that are sparse themselves',
    sparse(blocked({ 2: tables([{ 1: i32(2) }, level({}), level({})]) })),
    'feature-unsupported',
  ],
  [
    27,
    'more rows than the tensor has',
    sparse(rows({ 3: table({ 0: i32s([0, 1, 2, 3]) }) }, 3)),
    'model-malformed',
  ],
  [27, 'fewer rows than the tensor has', sparse(rows({}, 1)), 'finished'],
  [27, 'billions of rows', sparse(rows({}, 2 ** 31 - 1)), 'model-malformed'],
  [27, 'a negative number of rows', sparse(rows({}, -2)), 'model-malformed'],
  [27, 'fewer values than places', sparse(weights, {}, 2), 'model-malformed'],
  [
    27,
    'a sparse tensor that is computed',
    { ...sparse(weights), buffers: [empty, empty], inputs: [0, 1] },
    'finished',
  ],
  [27, 'a sparse variable', sparse(weights, { variable: true }), 'buffer-invalid'],
];

/** Writes a variable once, and reads it in one of two branches. */
const onceAndChoice: ModelSpec = {
  ...common,
  tensors: [flag, floats, floats, handle, floats, floats],
  operators: [
    call(callOnce, [], [], [1]),
    named(3),
    { code: read, inputs: [3], outputs: [4] },
    call(callIf, [0, 1], [2], [2, 3]),
    { code: assign, inputs: [3, 2], outputs: [] },
    { code: relu, inputs: [4], outputs: [5] },
  ],
  inputs: [0, 1],
  outputs: [2, 5],
  more: [
    {
      tensors: [handle, { ...floats, buffer: 3 }],
      operators: [named(0), { code: assign, inputs: [0, 1], outputs: [] }],
      inputs: [],
      outputs: [],
    },
    branch,
    { ...branch, operators: [], outputs: [0] },
  ],
  buffers: [...common.buffers, int32s(1, 2)],
};

/** Goes round once, and writes a variable that it is given on the way. */
const loopWithVariable: ModelSpec = {
  ...common,
  tensors: [flag, handle, flag, handle, floats, floats],
  operators: [
    named(1),
    { code: assign, inputs: [1, 4], outputs: [] },
    call(callWhile, [0, 1], [2, 3], [1, 2]),
    { code: read, inputs: [3], outputs: [5] },
  ],
  inputs: [0, 4],
  outputs: [2, 5],
  more: [
    { tensors: [flag, handle], operators: [], inputs: [0, 1], outputs: [0] },
    {
      tensors: [flag, handle, no, floats, floats],
      operators: [
        { code: read, inputs: [1], outputs: [3] },
        { code: relu, inputs: [3], outputs: [4] },
        { code: assign, inputs: [1, 4], outputs: [] },
      ],
      inputs: [0, 1],
      outputs: [2, 1],
    },
  ],
};

describe('hostile subgraphs and sparse weights', () => {
  let core: WebAssembly.Module;

  before(async () => {
    core = await compileWasmCore();
  });

  itEndsEach(cases, () => core);

  // `UPDATE_MODELS=1` writes them.
  for (const [name, model] of Object.entries({ onceAndChoice, loopWithVariable })) {
    it(`are made of ${name} in the tests of the crate, which has the file that is written here`, () => {
      const file = writeModelFile(model);
      const place = `wasm/tests/models/${name}.tflite`;
      if (process.env['UPDATE_MODELS'] === '1') writeFileSync(place, file);
      assert.equal(endOf(core, file), 'finished');
      assert.deepEqual(new Uint8Array(readFileSync(place)), file);
    });
  }
});
