import type { Result } from '../../../protocol/result.js';

/**
 * Turns one message into values, frame after frame. The array is lent until the next call. Refuses with
 * `sample-invalid` or `picture-invalid`, or with
 * `source-mismatch` where the values are no whole frames of so many channels; never throws.
 */
export type Decoder = (bytes: Uint8Array) => Result<Float32Array>;

/** The same where another thread decodes: answers come later, in the order of the messages, and their arrays are kept. */
export type SlowDecoder = (bytes: Uint8Array) => Promise<Result<Float32Array>>;

/** One message holds no more values than that: many windows, or minutes of sound. */
export const messageValues = 4_194_304;
