import type { Decoder } from './decoder.js';
import type { SourceConfiguration } from '../configuration/schema.js';
import { createBmpDecoder } from './bmp-decoder.js';
import { createJsonDecoder } from './json-decoder.js';
import { createRawDecoder } from './raw-decoder.js';

/** The decoder that a source is configured with, for frames of so many channels. What it decides goes to `note`. */
export function createDecoder(
  source: SourceConfiguration,
  channels: number,
  note: (event: string, fields: object) => void,
): Decoder {
  switch (source.decode) {
    case 'raw':
      return createRawDecoder(source.element ?? 'float32', channels);
    case 'json':
      return createJsonDecoder(source.fields ?? [], channels);
    case 'bmp':
      return createBmpDecoder(channels, source.pixels ?? 'auto', (reading) => {
        note('pixels-read', { reading, pixels: source.pixels ?? 'auto' });
      });
  }
}
