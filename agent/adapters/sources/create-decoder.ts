import type { SampleForm } from '../../ports/sensor.js';
import type { SourceConfiguration } from '../configuration/schema.js';
import { MediaDecoder } from '../media/media-decoder.js';
import type { MediaForm } from '../media/media-job.js';
import type { PixelSign } from '../media/pixel-sign.js';
import { accept } from '../../../protocol/result.js';
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
    case 'png':
    case 'jpeg':
    case 'wav':
      return createMediaDecoder({ ...form, decode: source.decode, pixels: source.pixels }, note);
  }
}

function createMediaDecoder(
  form: MediaForm,
  note: (event: string, fields: object) => void,
): OpenDecoder {
  const media = new MediaDecoder();
  const told = new Set<PixelSign>();
  return {
    async decode(bytes) {
      const answer = await media.decode(bytes, form);
      if (!answer.ok) return answer;
      const { values, reading } = answer.value;
      if (reading !== undefined && !told.has(reading)) {
        note('pixels-read', { reading, pixels: form.pixels ?? 'auto' });
        told.add(reading);
      }
      return accept(values);
    },
    close: () => media.close(),
  };
}

function light(decode: Decoder): OpenDecoder {
  return { decode, close: () => Promise.resolve() };
}
