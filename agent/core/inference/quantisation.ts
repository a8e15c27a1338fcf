import type { ElementType, TensorFacts, TensorType } from '../../ports/engine.js';

type Elements = Float32Array | Int8Array | Uint8Array | Int16Array | Int32Array;

const ranges: Readonly<Record<Exclude<ElementType, 'float32'>, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  int32: [-2147483648, 2147483647],
};

/** Whether a pipeline can carry tensors of this type. */
export function isElementType(type: TensorType): type is ElementType {
  return type === 'float32' || type in ranges;
}

/** A typed view of a tensor's bytes. The bytes must begin at a multiple of four of their buffer. */
export function elementsOf(type: ElementType, bytes: Uint8Array): Elements {
  const { buffer, byteOffset, byteLength } = bytes;
  switch (type) {
    case 'float32':
      return new Float32Array(buffer, byteOffset, byteLength / 4);
    case 'int8':
      return new Int8Array(buffer, byteOffset, byteLength);
    case 'uint8':
      return new Uint8Array(buffer, byteOffset, byteLength);
    case 'int16':
      return new Int16Array(buffer, byteOffset, byteLength / 2);
    case 'int32':
      return new Int32Array(buffer, byteOffset, byteLength / 4);
  }
}

/**
 * Writes real values to a tensor: real = scale * (quantised - zeroPoint), rounded half away from zero as
 * the QUANTIZE operator of TensorFlow Lite Micro does, and saturated. NaN becomes the zero point.
 * A tensor without quantisation (scale 0) takes the values themselves.
 */
export function quantise(values: Float32Array, facts: TensorFacts, tensor: Elements): void {
  if (tensor instanceof Float32Array) {
    tensor.set(values);
    return;
  }
  const [least, most] = ranges[facts.type as Exclude<ElementType, 'float32'>];
  const scale = facts.scale === 0 ? 1 : facts.scale;
  for (let i = 0; i < tensor.length; i++) {
    const real = (values[i] ?? 0) / scale;
    const rounded = (real < 0 ? -Math.floor(0.5 - real) : Math.floor(real + 0.5)) + facts.zeroPoint;
    // Comparisons take half the time of Math.min and Math.max; NaN fails all of them.
    if (rounded >= least) tensor[i] = rounded > most ? most : rounded;
    else tensor[i] = rounded < least ? least : facts.zeroPoint;
  }
}

/** Reads the real values of a tensor into `values`, which has as many elements. */
export function dequantise(tensor: Elements, facts: TensorFacts, values: Float32Array): void {
  if (tensor instanceof Float32Array || facts.scale === 0) {
    values.set(tensor);
    return;
  }
  for (let i = 0; i < values.length; i++) {
    values[i] = ((tensor[i] ?? 0) - facts.zeroPoint) * facts.scale;
  }
}
