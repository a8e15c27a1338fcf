import { createReadStream } from 'node:fs';
import process from 'node:process';
import type { Clock } from '../../ports/clock.js';
import type { SampleForm, Sensor } from '../../ports/sensor.js';
import type { Transport } from '../../ports/transport.js';
import type { SourceConfiguration } from '../configuration/schema.js';
import { createDecoder } from './create-decoder.js';
import type { Decoder, SlowDecoder } from './decoder.js';
import { createMqttSource } from './mqtt-source.js';
import { rawFrameBytes } from './raw-decoder.js';
import { createStreamSource, type Cut } from './stream-source.js';

/** Makes the source that a slot is configured with, for what a release takes. */
export function createSource(
  source: SourceConfiguration,
  form: SampleForm,
  world: {
    readonly transport: Transport;
    readonly clock: Clock;
    /** Where it says what it has decided about the samples. */
    readonly note: (event: string, fields: object) => void;
  },
): Sensor {
  const decoder = createDecoder(source, form, world.note);
  const sensor = createSensor(source, form, decoder.decode, world);
  return {
    ...sensor,
    async close() {
      await sensor.close();
      await decoder.close();
    },
  };
}

function createSensor(
  source: SourceConfiguration,
  { channels }: SampleForm,
  decode: Decoder | SlowDecoder,
  world: { readonly transport: Transport; readonly clock: Clock },
): Sensor {
  const stream = {
    cut: cutOf(source, channels),
    decode,
    channels,
    maxBytes: source.maxBytes,
    clock: world.clock,
  };
  switch (source.type) {
    case 'mqtt':
      return createMqttSource(source, decode, world.transport, world.clock);
    case 'stdin':
      return createStreamSource({ ...stream, open: () => process.stdin, keepsOpen: true });
    case 'file':
      return createStreamSource({ ...stream, open: () => createReadStream(source.path) });
  }
}

function cutOf(source: SourceConfiguration, channels: number): Cut {
  switch (source.decode) {
    case 'json':
      return { kind: 'lines' };
    case 'raw':
      return { kind: 'frames', frameBytes: rawFrameBytes(source.element ?? 'float32', channels) };
    case 'wav':
      return { kind: 'whole', gives: 'sound' };
    case 'bmp':
    case 'png':
    case 'jpeg':
      return { kind: 'whole', gives: 'picture' };
  }
}
