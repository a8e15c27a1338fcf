import { header, named, section, sized } from './module-bytes.js';

/**
 * The builds of the inference core. One source gives all of them, and they give the same results; they differ in what they ask of the
 * engine that runs them, and in their speed.
 *
 * | build | asks for |
 * |---|---|
 * | `plain` | WebAssembly without SIMD |
 * | `simd128` | fixed-width SIMD |
 * | `relaxed` | relaxed SIMD too, and a processor with a fast dot product of bytes |
 */
export type CoreBuild = 'plain' | 'simd128' | 'relaxed';

/** The file of each build in the folder `wasm/pkg`; in the package `tinylamp/wasm/…`. */
export const coreFiles: Readonly<Record<CoreBuild, string>> = {
  plain: 'tinylamp_bg.wasm',
  simd128: 'tinylamp_simd128_bg.wasm',
  relaxed: 'tinylamp_relaxed_bg.wasm',
};

/** The fastest build that can be used here. */
export function chooseBuild(): CoreBuild {
  const [fastest = 'plain'] = usableBuilds();
  return fastest;
}

/** The builds that this engine runs on this processor and that are worth it, the fastest first. `plain` is always the last. */
export function usableBuilds(): readonly CoreBuild[] {
  if (!WebAssembly.validate(simdModule)) return ['plain'];
  return hasFastDot() ? ['relaxed', 'simd128', 'plain'] : ['simd128', 'plain'];
}

/**
 * Four times 127 times the byte 255, added by the instruction itself. It leaves open whether its second operand has a sign, and
 * whether sums of two are cut off at 16 bits: its result tells what the engine has made of it.
 */
const dotOfUnsigned = 4 * 127 * 255;
const dotOfSigned = 4 * 127 * -1;

/**
 * Whether relaxed SIMD has a dot product of bytes that is one instruction of the processor. Without one the engine puts it together
 * from others, whose sums are cut off; then it is no faster than what SIMD has anyway.
 */
function hasFastDot(): boolean {
  if (!WebAssembly.validate(dotModule)) return false;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(dotModule));
  const dot = exports['dot'] as () => number;
  return [dotOfUnsigned, dotOfSigned].includes(dot());
}

/** A function without parameters or results, which makes a vector and drops it. */
const simdModule = Uint8Array.from([
  ...header,
  ...section(1, [1, 0x60, 0, 0]),
  ...section(3, [1, 0]),
  // i32.const 0, i8x16.splat, drop, end
  ...section(10, [1, ...sized([0, 0x41, 0, 0xfd, 0x0f, 0x1a, 0x0b])]),
]);

/** The dot product of two vectors, which come from memory, where no compiler knows them. */
const dotModule = Uint8Array.from([
  ...header,
  // () -> i32
  ...section(1, [1, 0x60, 0, 1, 0x7f]),
  ...section(3, [1, 0]),
  ...section(5, [1, 0, 1]),
  ...section(7, [1, ...named('dot'), 0, 0]),
  ...section(10, [
    1,
    ...sized([
      0,
      // i32.const 0, v128.load
      ...[0x41, 0, 0xfd, 0x00, 4, 0],
      // i32.const 16, v128.load
      ...[0x41, 16, 0xfd, 0x00, 4, 0],
      // i32.const 0, i32x4.splat
      ...[0x41, 0, 0xfd, 0x11],
      // i32x4.relaxed_dot_i8x16_i7x16_add_s
      ...[0xfd, 0x93, 0x02],
      // i32x4.extract_lane 0, end
      ...[0xfd, 0x1b, 0, 0x0b],
    ]),
  ]),
  // At byte 0: 16 times 127, then 16 times 255.
  ...section(11, [
    1,
    ...[0, 0x41, 0, 0x0b],
    ...sized([...new Array<number>(16).fill(127), ...new Array<number>(16).fill(255)]),
  ]),
]);
