import type { TensorFacts } from '../wasm/loader/interpreter.js';
import type { TensorType } from '../wasm/loader/model-report.js';

/** The elements of a tensor as they are stored, in the array type of the language. */
export type TensorArray =
  | Float32Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

type ArrayType = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => TensorArray;

const arrays: Readonly<Record<TensorType, ArrayType & { readonly BYTES_PER_ELEMENT: number }>> = {
  float32: Float32Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

/** A view of the bytes of a tensor, which lie at a multiple of the element's size. */
export function viewElements(type: TensorType, bytes: Uint8Array): TensorArray {
  const array = arrays[type];
  return new array(bytes.buffer, bytes.byteOffset, bytes.byteLength / array.BYTES_PER_ELEMENT);
}

/** The bytes of an array. */
export function bytesOf({ buffer, byteOffset, byteLength }: TensorArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Whether an array holds elements as a tensor of this type stores them. */
export function isStoredAs(type: TensorType, values: unknown): values is TensorArray {
  return values instanceof arrays[type];
}

const ranges: Readonly<Partial<Record<TensorType, readonly [least: number, most: number]>>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32_768, 32_767],
  uint16: [0, 65_535],
  int32: [-2_147_483_648, 2_147_483_647],
  uint32: [0, 4_294_967_295],
};

/**
 * Writes real values to a tensor: real = scale * (stored - zeroPoint), rounded half away from zero and saturated, as the QUANTIZE
 * operator of TensorFlow Lite Micro does. NaN becomes the zero point. A tensor without quantisation takes the values themselves.
 */
export function store(
  values: ArrayLike<number>,
  { type, scale, zeroPoint }: TensorFacts,
  tensor: TensorArray,
): void {
  if (tensor instanceof BigInt64Array || tensor instanceof BigUint64Array) {
    for (let i = 0; i < tensor.length; i++) tensor[i] = BigInt(Math.trunc(values[i] ?? 0));
    return;
  }
  const range = ranges[type];
  if (range === undefined) {
    for (let i = 0; i < tensor.length; i++) tensor[i] = values[i] ?? 0;
    return;
  }
  const [least, most] = range;
  const divisor = scale === 0 ? 1 : scale;
  for (let i = 0; i < tensor.length; i++) {
    const real = (values[i] ?? 0) / divisor;
    const rounded = (real < 0 ? -Math.floor(0.5 - real) : Math.floor(real + 0.5)) + zeroPoint;
    tensor[i] = Number.isNaN(rounded) ? zeroPoint : Math.min(most, Math.max(least, rounded));
  }
}

/** The real values of a tensor. */
export function realValues(tensor: TensorArray, { scale, zeroPoint }: TensorFacts): Float32Array {
  const values = new Float32Array(tensor.length);
  for (let i = 0; i < tensor.length; i++) {
    const stored = Number(tensor[i]);
    values[i] = scale === 0 ? stored : (stored - zeroPoint) * scale;
  }
  return values;
}
