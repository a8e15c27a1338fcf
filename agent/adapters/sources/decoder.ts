import type { Result } from '../../core/result.js';
import type { SourceConfiguration } from '../configuration/schema.js';
import { createBmpDecoder } from './bmp-decoder.js';
import { createJsonDecoder } from './json-decoder.js';
import { createRawDecoder } from './raw-decoder.js';

/**
 * Turns one message into values, frame after frame. The array is lent until the next call. Refuses with
 * `sample-invalid` or `picture-invalid`; never throws.
 */
export type Decoder = (bytes: Uint8Array) => Result<Float32Array>;

/** One message holds no more values than that: a large picture, or minutes of sound. */
export const messageValues = 1_048_576;

/** The decoder that a source is configured with, for frames of so many channels. */
export function createDecoder(source: SourceConfiguration, channels: number): Decoder {
  switch (source.decode) {
    case 'raw':
      return createRawDecoder(source.element ?? 'float32', channels);
    case 'json':
      return createJsonDecoder(source.fields ?? [], channels);
    case 'bmp':
      return createBmpDecoder(channels, source.pixels ?? 'auto');
  }
}
