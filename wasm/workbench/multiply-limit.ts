import type { CoreBuild } from '../loader/builds.js';
import { header, leb128, named, section, sized } from '../loader/module-bytes.js';

/** The most multiply-accumulates in a second that the engine gets out of one core of the processor, in thousands of millions. */
export interface MultiplyLimits {
  readonly int8: number;
  readonly float32: number;
}

/** How products are made: the instructions on the stack, and how many multiply-accumulates they are. */
interface Multiplication {
  readonly macs: number;
  readonly code: (input: number, weights: number, sum: number) => readonly number[];
}

const get = (local: number): readonly number[] => [0x20, local];
const set = (local: number): readonly number[] => [0x21, local];

/** Two numbers of 16 bits in each of four lanes: i32x4.dot_i16x8_s, i32x4.add. */
const words: Multiplication = {
  macs: 8,
  code: (input, weights, sum) => [
    ...[...get(input), ...get(weights), 0xfd, 0xba, 0x01],
    ...[...get(sum), 0xfd, 0xae, 0x01],
  ],
};

/** Four bytes in each of four lanes: i32x4.relaxed_dot_i8x16_i7x16_add_s. */
const bytes: Multiplication = {
  macs: 16,
  code: (input, weights, sum) => [
    ...[...get(weights), ...get(input), ...get(sum), 0xfd, 0x93, 0x02],
  ],
};

/** f32x4.mul, f32x4.add. */
const floats: Multiplication = {
  macs: 4,
  code: (input, weights, sum) => [
    ...[...get(input), ...get(weights), 0xfd, 0xe6, 0x01],
    ...[...get(sum), 0xfd, 0xe4, 0x01],
  ],
};

/** f32x4.relaxed_madd. */
const fusedFloats: Multiplication = {
  macs: 4,
  code: (input, weights, sum) => [
    ...[...get(input), ...get(weights), ...get(sum), 0xfd, 0x85, 0x02],
  ],
};

/**
 * Measures what the engine can multiply with the instructions of a build, in less than a second. Four inputs by two vectors of weights at a time, as
 * the kernels of the core do it, with all operands in the first level of the cache. Gives nothing for `plain`, whose code is the compiler's.
 */
export function measureLimits(build: CoreBuild): MultiplyLimits | undefined {
  switch (build) {
    case 'plain':
      return undefined;
    case 'simd128':
      return { int8: measure(words), float32: measure(floats) };
    case 'relaxed':
      return { int8: measure(bytes), float32: measure(fusedFloats) };
  }
}

const inputs = 4;
const vectors = 2;
const rounds = 100_000;
const warmingMs = 50;
const samples = 40;

function measure(multiplication: Multiplication): number {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleOf(multiplication)));
  const run = exports['run'] as (rounds: number) => void;
  const timeMs = (): number => {
    const beganMs = performance.now();
    run(rounds);
    return performance.now() - beganMs;
  };
  const beganMs = performance.now();
  while (performance.now() - beganMs < warmingMs) timeMs();
  const leastMs = Math.min(...Array.from({ length: samples }, timeMs));
  return (rounds * inputs * vectors * multiplication.macs) / leastMs / 1e6;
}

/** Bytes of inputs, which the loop goes through again and again. The weights lie behind them. */
const inputBytes = 1024;

/** A function `run(rounds)` that multiplies and leaves its sums in memory, so that no compiler leaves it out. */
function moduleOf({ code }: Multiplication): Uint8Array<ArrayBuffer> {
  const [round, place, firstInput, firstWeights] = [0, 1, 2, 2 + inputs];
  const firstSum = firstWeights + vectors;
  const all = <T>(count: number, each: (i: number) => readonly T[]): T[] =>
    Array.from({ length: count }, (_, i) => each(i)).flat();
  const body = [
    // One i32 and the vectors.
    ...[2, 1, 0x7f, inputs + vectors + inputs * vectors, 0x7b],
    // loop
    ...[0x03, 0x40],
    // v128.load32_splat
    ...all(inputs, (i) => [...get(place), 0xfd, 0x09, 2, 4 * i, ...set(firstInput + i)]),
    // v128.load at twice the place: 32 bytes of weights for 16 of inputs.
    ...all(vectors, (i) => [
      ...[...get(place), 0x41, 1, 0x74],
      ...[0xfd, 0x00, 4, ...leb128(inputBytes + 16 * i), ...set(firstWeights + i)],
    ]),
    ...all(inputs * vectors, (i) => [
      ...code(firstInput + (i % inputs), firstWeights + Math.floor(i / inputs), firstSum + i),
      ...set(firstSum + i),
    ]),
    // The next place: i32.add, i32.and, whose constants are signed.
    ...[...get(place), 0x41, 16, 0x6a, 0x41, 0xff, 0x07, 0x71, ...set(place)],
    // One round less: i32.sub, local.tee, br_if, end
    ...[...get(round), 0x41, 1, 0x6b, 0x22, round, 0x0d, 0, 0x0b],
    // v128.store
    ...all(inputs * vectors, (i) => [
      ...[0x41, 0, ...get(firstSum + i), 0xfd, 0x0b, 4, ...leb128(4096 + 16 * i)],
    ]),
    0x0b,
  ];
  return Uint8Array.from([
    ...header,
    // (i32) -> ()
    ...section(1, [1, 0x60, 1, 0x7f, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [1, ...named('run'), 0, 0]),
    ...section(10, [1, ...sized(body)]),
  ]);
}
