import type { SampleForm } from '../../ports/sensor.js';
import type { SourceConfiguration } from '../configuration/schema.js';
import { MediaDecoder } from '../media/media-decoder.js';
import { createBmpDecoder } from './bmp-decoder.js';
import type { Decoder, SlowDecoder } from './decoder.js';
import { createJsonDecoder } from './json-decoder.js';
import { createRawDecoder } from './raw-decoder.js';

/** A decoder, and how what it holds is given back. */
export interface OpenDecoder {
  readonly decode: Decoder | SlowDecoder;
  close(): Promise<void>;
}

/** The decoder that a source is configured with, for what a release takes. What it decides goes to `note`. */
export function createDecoder(
  source: SourceConfiguration,
  form: SampleForm,
  note: (event: string, fields: object) => void,
): OpenDecoder {
  const { channels } = form;
  switch (source.decode) {
    case 'raw':
      return light(createRawDecoder(source.element ?? 'float32', channels));
    case 'json':
      return light(createJsonDecoder(source.fields ?? [], channels));
    case 'bmp':
      return light(
        createBmpDecoder(channels, source.pixels ?? 'auto', (reading) => {
          note('pixels-read', { reading, pixels: source.pixels ?? 'auto' });
        }),
      );
    case 'wav':
    case 'png':
    case 'jpeg': {
      const media = new MediaDecoder();
      const mediaForm = { ...form, decode: source.decode };
      return {
        decode: (bytes) => media.decode(bytes, mediaForm),
        close: () => media.close(),
      };
    }
  }
}

function light(decode: Decoder): OpenDecoder {
  return { decode, close: () => Promise.resolve() };
}
