import { accept, refuse } from '../../../protocol/result.js';
import type { ElementType } from '../../ports/engine.js';
import { messageValues, type Decoder } from './decoder.js';

const readers: Readonly<
  Record<ElementType, { bytes: number; read: (view: DataView, at: number) => number }>
> = {
  int8: { bytes: 1, read: (view, at) => view.getInt8(at) },
  uint8: { bytes: 1, read: (view, at) => view.getUint8(at) },
  int16: { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  int32: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  float32: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
};

/** The bytes that whole frames are a multiple of. */
export function rawFrameBytes(element: ElementType, channels: number): number {
  return readers[element].bytes * channels;
}

/** Little-endian elements, frame after frame; all of them finite. */
export function createRawDecoder(element: ElementType, channels: number): Decoder {
  const { bytes: elementBytes, read } = readers[element];
  const frameBytes = rawFrameBytes(element, channels);
  let values = new Float32Array();
  return (bytes) => {
    const count = bytes.length / elementBytes;
    if (count > messageValues) return refuse('sample-invalid', `more than ${messageValues} values`);
    if (bytes.length === 0 || bytes.length % frameBytes !== 0) {
      const isWhole = bytes.length > 0 && bytes.length % elementBytes === 0;
      return refuse(
        isWhole ? 'source-mismatch' : 'sample-invalid',
        `${bytes.length} bytes are no whole frames of ${channels} times ${element}`,
      );
    }
    if (values.length !== count) values = new Float32Array(count);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < count; i++) {
      const value = read(view, i * elementBytes);
      // One NaN would spread over the whole window.
      if (!Number.isFinite(value)) return refuse('sample-invalid', `element ${i} is ${value}`);
      values[i] = value;
    }
    return accept(values);
  };
}
