import { encodeCbor } from '../cbor/encode.js';
import { parseFields, refuseField } from '../cbor/fields.js';
import type { CborValue } from '../cbor/value.js';
import { limits } from '../limits.js';
import { refuse, type Result } from '../result.js';
import { disagreementValue, parseDisagreement, type Disagreement } from './disagreements.js';

/** A window as it was captured on a device: the file that is kept there, and that an operator fetches. */
export interface CapturedWindow {
  readonly entry: Disagreement;
  readonly truth: string | undefined;
  readonly frames: number;
  readonly channels: number;
  /** Float32, little-endian, before normalisation; frame by frame. */
  readonly samples: Uint8Array;
}

/** Reads the file of a window. Refuses with `document-invalid` and `document-too-large`. */
export function parseCapturedWindow(bytes: Uint8Array): Result<CapturedWindow> {
  if (bytes.length > limits.captureFileBytes) {
    return refuse(
      'document-too-large',
      `${bytes.length} bytes, at most ${limits.captureFileBytes}`,
    );
  }
  return parseFields(bytes, 'captured window', (fields) => {
    fields.integer(0, [1, 1]);
    const most = [1, limits.windowValues] as const;
    const [frames, channels] = [fields.integer(2, most), fields.integer(3, most)];
    const samples = fields.bytes(4, [4, 4 * limits.windowValues]);
    if (samples.length !== 4 * frames * channels) {
      refuseField('captured window.4', `must have ${4 * frames * channels} bytes`);
    }
    return {
      entry: fields.value(1, parseDisagreement),
      truth: fields.optional(5, () => fields.text(5, [1, limits.labelBytes])),
      frames,
      channels,
      samples,
    };
  });
}

/** The file of a window, in deterministic CBOR. */
export function encodeCapturedWindow(captured: CapturedWindow): Uint8Array {
  const fields = new Map<number, CborValue>([
    [0, 1],
    [1, disagreementValue(captured.entry)],
    [2, captured.frames],
    [3, captured.channels],
    [4, captured.samples],
  ]);
  if (captured.truth !== undefined) fields.set(5, captured.truth);
  return encodeCbor(fields);
}

/** Samples as they are carried, on any machine. */
export function samplesOf(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setFloat32(4 * i, value, true);
  });
  return bytes;
}
