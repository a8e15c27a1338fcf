/** The header of a WebAssembly module: its magic number and version. */
export const header: readonly number[] = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** A section of a module: its number, then its content behind its length. */
export function section(number: number, content: readonly number[]): number[] {
  return [number, ...sized(content)];
}

/** Bytes behind their number. */
export function sized(bytes: readonly number[]): number[] {
  return [...leb128(bytes.length), ...bytes];
}

/** An unsigned integer below 2^31 as modules have it. */
export function leb128(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb128(value >> 7)];
}

/** A name as modules have it. */
export function named(name: string): number[] {
  return sized([...name].map((letter) => letter.charCodeAt(0)));
}
