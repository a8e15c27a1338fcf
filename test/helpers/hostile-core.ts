import { instantiateCore } from '../../wasm/loader/core-exports.js';

/** What a hostile core does at an inference. */
export type Hostility = 'loops' | 'traps';

/**
 * A WebAssembly module with the exports of the inference core, assembled by hand, that accepts any model
 * and then never comes back from an inference, or traps in it. No model that the real core accepts can
 * do that, so the hang is real and the module is too.
 *
 * @param core the real core, whose report on `model` the module repeats
 */
export function assembleHostileCore(
  core: WebAssembly.Module,
  model: Uint8Array,
  hostility: Hostility,
): WebAssembly.Module {
  const report = reportOn(core, model);
  const functions: readonly (readonly [name: string, type: number, body: readonly number[]])[] = [
    ['reserve', takesOne, constant(modelAddress)],
    ['load', takesNone, constant(0)],
    ['report_address', takesNone, constant(reportAddress)],
    ['report_bytes', takesNone, constant(report.length)],
    ['create', takesOne, constant(0)],
    ['tensor_address', takesTwo, constant(tensorAddress)],
    // loop, br 0, end, unreachable; or unreachable at once.
    ['invoke', takesOne, hostility === 'loops' ? [0x03, 0x40, 0x0c, 0, 0x0b, 0x00] : [0x00]],
    ['reset', takesOne, constant(0)],
    ['place_kind', takesNone, constant(0)],
    ['place_index', takesNone, constant(0)],
    ['place_operator', takesNone, constant(-1)],
  ];
  const i32 = 0x7f;
  const types = [0, 1, 2].map((count) => [
    0x60,
    ...vector(Array<number[]>(count).fill([i32])),
    1,
    i32,
  ]);
  const bytes = [
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(types)),
    ...section(3, vector(functions.map(([, type]) => [type]))),
    ...section(5, vector([[0, ...unsigned(pages)]])),
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

const [takesNone, takesOne, takesTwo] = [0, 1, 2];

/** Where things lie in four pages of memory. */
const pages = 4;
const [reportAddress, tensorAddress, modelAddress] = [1024, 65_536, 131_072];

function reportOn(core: WebAssembly.Module, model: Uint8Array): Uint8Array {
  const instance = instantiateCore(core);
  const address = instance.reserve(model.length) >>> 0;
  new Uint8Array(instance.memory.buffer, address, model.length).set(model);
  if (instance.load() !== 0 || instance.create(1_048_576) !== 0)
    throw new Error('the core refuses the model');
  const start = instance.report_address() >>> 0;
  return new Uint8Array(instance.memory.buffer, start, instance.report_bytes()).slice();
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
