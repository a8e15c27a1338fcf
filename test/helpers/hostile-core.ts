import { instantiateCore } from '../../wasm/loader/core-exports.js';

/**
 * What a hostile core does at an inference: it traps, never comes back, takes memory and never comes back, takes
 * memory at each inference and answers, or takes so much of its thread's heap that the thread dies of it.
 */
export type Hostility = (typeof hostilities)[number];

export const hostilities = ['traps', 'loops', 'grows', 'leaks', 'kills'] as const;

/**
 * A WebAssembly module with the exports of the inference core, assembled by hand, that accepts any model
 * and turns hostile at an inference. No model that the real core accepts can do that, so the harm is real
 * and the module is too. As long as it behaves it answers with what came in, cut to size.
 *
 * @param core the real core, whose report on `model` the module repeats
 * @param goodInferences how many inferences of each instance come first in which it behaves
 */
export function assembleHostileCore(
  core: WebAssembly.Module,
  model: Uint8Array,
  hostility: Hostility,
  goodInferences = 0,
): WebAssembly.Module {
  const report = reportOn(core, model);
  const functions: readonly (readonly [name: string, type: number, body: readonly number[]])[] = [
    ['reserve', takesOne, constant(modelAddress)],
    ['load', takesTwo, constant(0)],
    ['report_address', takesNone, constant(reportAddress)],
    ['report_bytes', takesNone, constant(report.length)],
    ['create', takesOne, constant(0)],
    ['tensor_address', takesTwo, constant(tensorAddress)],
    ['invoke', takesOne, [...behaveFirst, ...harm[hostility]]],
    ['prepare_batch', takesNone, constant(0)],
    ['invoke_batch', takesTwo, [...behaveFirst, ...harm[hostility]]],
    ['repeat_step', takesThree, constant(0)],
    ['has_output', takesNone, constant(1)],
    ['reset', takesOne, constant(0)],
    ['place_kind', takesNone, constant(0)],
    ['place_subgraph', takesNone, constant(0)],
    ['place_index', takesNone, constant(0)],
    ['place_operator', takesNone, constant(-1)],
  ];
  const i32 = 0x7f;
  const types = [0, 1, 2, 3].map((count) => [
    0x60,
    ...vector(Array<number[]>(count).fill([i32])),
    1,
    i32,
  ]);
  const bytes = [
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(types)),
    ...section(3, vector(functions.map(([, type]) => [type]))),
    ...section(4, vector([[externref, 0, 0]])),
    ...section(5, vector([[1, ...unsigned(pages), ...unsigned(mostPagesOf(core))]])),
    ...section(6, vector([[i32, 1, ...constant(goodInferences), 0x0b]])),
    ...section(
      7,
      vector([[...text('memory'), 2, 0], ...functions.map(([name], i) => [...text(name), 0, i])]),
    ),
    ...section(10, vector(functions.map(([, , body]) => sized([0, ...body, 0x0b])))),
    ...section(
      11,
      vector([[0, ...constant(reportAddress), 0x0b, ...unsigned(report.length), ...report]]),
    ),
  ];
  return new WebAssembly.Module(Uint8Array.from(bytes));
}

const [takesNone, takesOne, takesTwo, takesThree] = [0, 1, 2, 3];
const externref = 0x6f;

/** Where things lie in four pages of memory. */
const pages = 4;
const [reportAddress, tensorAddress, modelAddress] = [1024, 65_536, 131_072];

/** global.get 0, if: one good inference less (global.get 0, i32.const 1, i32.sub, global.set 0), return 0. */
const behaveFirst = [
  ...[0x23, 0, 0x04, 0x40],
  ...[0x23, 0, ...constant(1), 0x6b, 0x24, 0],
  ...[...constant(0), 0x0f, 0x0b],
];

/**
 * Takes sixteen more pages and writes to each, for memory that nobody touches costs nothing: the address is
 * memory.size, i32.const 16, i32.shl; the value is there before memory.grow; where it gives -1 the branch leaves;
 * memory.fill.
 */
const grow = [
  ...[0x3f, 0, ...constant(16), 0x74, ...constant(0xa5)],
  ...[...constant(16), 0x40, 0, ...constant(-1), 0x46, 0x0d, 0],
  ...[...constant(16 * 65_536), 0xfc, 0x0b, 0],
];

/**
 * Two million references more: ref.null extern, i32.const, table.grow 0, drop. V8 keeps tables on the heap of the
 * thread. In larger steps, or in several tables, they would end the whole process: V8 gives up where one allocation
 * goes too far beyond the limit. The real core has no such instruction (`test/wasm/interpreter.test.ts`).
 */
const growTable = [0xd0, externref, ...constant(2_000_000), 0xfc, 0x0f, 0, 0x1a];

const harm: Readonly<Record<Hostility, readonly number[]>> = {
  traps: [0x00],
  loops: forEver([]),
  grows: forEver(grow),
  // Within a block that the branch can leave.
  leaks: [0x02, 0x40, ...grow, 0x0b, ...constant(0)],
  kills: forEver(growTable),
};

/** loop, the instructions, br 0, end, unreachable. */
function forEver(instructions: readonly number[]): number[] {
  return [0x03, 0x40, ...instructions, 0x0c, 0, 0x0b, 0x00];
}

function reportOn(core: WebAssembly.Module, model: Uint8Array): Uint8Array {
  const instance = instantiateCore(core);
  const address = instance.reserve(model.length) >>> 0;
  new Uint8Array(instance.memory.buffer, address, model.length).set(model);
  if (instance.load(2 ** 31, 0) !== 0 || instance.create(1_048_576) !== 0)
    throw new Error('the core refuses the model');
  const start = instance.report_address() >>> 0;
  return new Uint8Array(instance.memory.buffer, start, instance.report_bytes()).slice();
}

/** How far the memory of the real core may grow: the only way to know is to try, with half as much each time. */
function mostPagesOf(core: WebAssembly.Module): number {
  const { memory } = instantiateCore(core);
  for (let more = 32_768; more >= 1; more /= 2) {
    try {
      memory.grow(more);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return memory.buffer.byteLength / 65_536;
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...sized(content)];
}

function vector(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function sized(content: readonly number[]): number[] {
  return [...unsigned(content.length), ...content];
}

function text(name: string): number[] {
  return sized([...new TextEncoder().encode(name)]);
}

function constant(value: number): number[] {
  return [0x41, ...signed(value)];
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  const rest = value >> 7;
  const low = value & 127;
  const ends = (rest === 0 && (low & 64) === 0) || (rest === -1 && (low & 64) !== 0);
  return ends ? [low] : [low | 128, ...signed(rest)];
}
