import type { TensorFacts } from '../loader/interpreter.js';

/** The values of packed tensors, as stored; 64-bit integers as text, because JSON's numbers cannot hold them. */
export function readValues(
  tensors: readonly TensorFacts[],
  bytes: Uint8Array,
): readonly (readonly (number | string)[])[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  return tensors.map(({ type, byteLength }) => {
    const { elementBytes, read } = elements[type];
    const start = at;
    at += byteLength;
    return Array.from({ length: byteLength / elementBytes }, (_, i) =>
      read(view, start + i * elementBytes),
    );
  });
}

interface Element {
  readonly elementBytes: number;
  readonly read: (view: DataView, at: number) => number | string;
}

const elements: Readonly<Record<TensorFacts['type'], Element>> = {
  float32: { elementBytes: 4, read: (view, at) => view.getFloat32(at, true) },
  int8: { elementBytes: 1, read: (view, at) => view.getInt8(at) },
  uint8: { elementBytes: 1, read: (view, at) => view.getUint8(at) },
  int16: { elementBytes: 2, read: (view, at) => view.getInt16(at, true) },
  int32: { elementBytes: 4, read: (view, at) => view.getInt32(at, true) },
  uint16: { elementBytes: 2, read: (view, at) => view.getUint16(at, true) },
  uint32: { elementBytes: 4, read: (view, at) => view.getUint32(at, true) },
  uint64: { elementBytes: 8, read: (view, at) => view.getBigUint64(at, true).toString() },
  int64: { elementBytes: 8, read: (view, at) => view.getBigInt64(at, true).toString() },
  bool: { elementBytes: 1, read: (view, at) => view.getUint8(at) },
};
