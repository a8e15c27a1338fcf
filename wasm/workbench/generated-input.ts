import type { TensorFacts } from '../loader/interpreter.js';
import { byteLengthOf } from './packed-tensors.js';

/**
 * Inputs of several inferences from one stream of pseudo-random numbers: Marsaglia's xorshift32, one number
 * for each element. Every byte value of an integer is reached; floats lie in [-1, 1).
 */
export function generateInputs(
  tensors: readonly TensorFacts[],
  seed: number,
  invokes = 1,
): Uint8Array {
  const bytes = new Uint8Array(byteLengthOf(tensors) * invokes);
  const view = new DataView(bytes.buffer);
  const random = createXorshift(seed);
  let at = 0;
  for (let invoke = 0; invoke < invokes; invoke++) {
    for (const { type, byteLength } of tensors) {
      const { elementBytes, write } = elements[type];
      for (const end = at + byteLength; at < end; at += elementBytes) write(view, at, random());
    }
  }
  return bytes;
}

const elements: Readonly<
  Record<
    TensorFacts['type'],
    {
      readonly elementBytes: number;
      readonly write: (view: DataView, at: number, random: number) => void;
    }
  >
> = {
  float32: {
    elementBytes: 4,
    write: (view, at, random) => {
      view.setFloat32(at, (random >>> 8) * 2 ** -23 - 1, true);
    },
  },
  int8: {
    elementBytes: 1,
    write: (view, at, random) => {
      view.setUint8(at, random >>> 24);
    },
  },
  uint8: {
    elementBytes: 1,
    write: (view, at, random) => {
      view.setUint8(at, random >>> 24);
    },
  },
  int16: {
    elementBytes: 2,
    write: (view, at, random) => {
      view.setUint16(at, random >>> 16, true);
    },
  },
  uint16: {
    elementBytes: 2,
    write: (view, at, random) => {
      view.setUint16(at, random >>> 16, true);
    },
  },
  uint32: {
    elementBytes: 4,
    write: (view, at, random) => {
      view.setUint32(at, random >>> 24, true);
    },
  },
  uint64: {
    elementBytes: 8,
    write: (view, at, random) => {
      view.setBigUint64(at, BigInt(random >>> 24), true);
    },
  },
  int32: {
    elementBytes: 4,
    write: (view, at, random) => {
      view.setInt32(at, (random >>> 24) - 128, true);
    },
  },
  int64: {
    elementBytes: 8,
    write: (view, at, random) => {
      view.setBigInt64(at, BigInt((random >>> 24) - 128), true);
    },
  },
  bool: {
    elementBytes: 1,
    write: (view, at, random) => {
      view.setUint8(at, random >>> 31);
    },
  },
};

function createXorshift(seed: number): () => number {
  let state = (Math.imul(seed, 2_654_435_761) + 0x9e3779b9) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>>= 0);
  };
}
