import { Tagged, type CborMap, type CborValue } from './value.js';

/**
 * Encodes deterministically (RFC 8949, 4.2.1): shortest heads, definite lengths, keys sorted by their
 * encoded bytes, shortest floats that keep the value. Equal values have equal bytes.
 *
 * Throws for what cannot be encoded: it is our own value, not somebody's input.
 */
export function encodeCbor(value: CborValue): Uint8Array {
  const chunks: Uint8Array[] = [];
  write(value, chunks);
  return concatenate(chunks);
}

function write(value: CborValue, out: Uint8Array[]): void {
  if (typeof value === 'number') out.push(encodeNumber(value));
  else if (typeof value === 'string') {
    // A lone surrogate would be replaced silently, and two keys could become one.
    if (!value.isWellFormed()) throw new Error('a text has a lone surrogate');
    const bytes = new TextEncoder().encode(value);
    out.push(head(3, bytes.length), bytes);
  } else if (value instanceof Uint8Array) out.push(head(2, value.length), value);
  else if (value === null) out.push(Uint8Array.of(0xf6));
  else if (typeof value === 'boolean') out.push(Uint8Array.of(value ? 0xf5 : 0xf4));
  else if (value instanceof Tagged) {
    out.push(head(6, value.tag));
    write(value.value, out);
  } else if (isMap(value)) writeMap(value, out);
  else {
    out.push(head(4, value.length));
    for (const item of value) write(item, out);
  }
}

function isMap(value: CborMap | readonly CborValue[]): value is CborMap {
  return value instanceof Map;
}

function writeMap(map: CborMap, out: Uint8Array[]): void {
  out.push(head(5, map.size));
  const entries = [...map].map(([key, value]) => ({ key: encodeCbor(key), value }));
  entries.sort((a, b) => compareBytes(a.key, b.key));
  for (const { key, value } of entries) {
    out.push(key);
    write(value, out);
  }
}

function encodeNumber(value: number): Uint8Array {
  // Beyond the safe integers a double stands for its neighbours too: such a number is a float.
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) return encodeFloat(value);
  return value >= 0 ? head(0, value) : head(1, -1 - value);
}

/** The shortest of float16, float32 and float64 that keeps the value; NaN is 0xf97e00. */
export function encodeFloat(value: number): Uint8Array {
  const half = toFloat16(value);
  if (half !== undefined) return Uint8Array.of(0xf9, half >> 8, half & 0xff);
  const short = Object.is(Math.fround(value), value);
  const bytes = new Uint8Array(short ? 5 : 9);
  const view = new DataView(bytes.buffer);
  bytes[0] = short ? 0xfa : 0xfb;
  if (short) view.setFloat32(1, value);
  else view.setFloat64(1, value);
  return bytes;
}

/** The bits of a binary16 that equals the value; undefined where there is none. */
function toFloat16(value: number): number | undefined {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude === 0) return sign;
  if (magnitude === Infinity) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  if (exponent > 15) return undefined;
  // Binary16 has ten bits behind the point; below 2^-14 they stand for multiples of 2^-24.
  const mantissa = magnitude / 2 ** (exponent - 10);
  if (!Number.isInteger(mantissa) || mantissa >= 2048) return undefined;
  return mantissa < 1024 ? sign | mantissa : sign | ((exponent + 15) << 10) | (mantissa - 1024);
}

/** The shortest head for a major type and its argument (RFC 8949, 3). */
function head(major: number, argument: number): Uint8Array {
  const type = major << 5;
  if (argument < 24) return Uint8Array.of(type | argument);
  if (argument <= 0xff) return Uint8Array.of(type | 24, argument);
  const length = argument <= 0xffff ? 2 : argument <= 0xffffffff ? 4 : 8;
  const bytes = new Uint8Array(1 + length);
  const view = new DataView(bytes.buffer);
  if (length === 2) {
    bytes[0] = type | 25;
    view.setUint16(1, argument);
  } else if (length === 4) {
    bytes[0] = type | 26;
    view.setUint32(1, argument);
  } else {
    bytes[0] = type | 27;
    view.setBigUint64(1, BigInt(argument));
  }
  return bytes;
}

/** Bytewise lexicographic order. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function concatenate(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
