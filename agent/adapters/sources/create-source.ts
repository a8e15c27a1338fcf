import { createReadStream } from 'node:fs';
import process from 'node:process';
import type { Clock } from '../../ports/clock.js';
import type { Sensor } from '../../ports/sensor.js';
import type { Transport } from '../../ports/transport.js';
import type { SourceConfiguration } from '../configuration/schema.js';
import { createDecoder } from './create-decoder.js';
import { createMqttSource } from './mqtt-source.js';
import { rawFrameBytes } from './raw-decoder.js';
import { createStreamSource, type Cut } from './stream-source.js';

/** Makes the source that a slot is configured with, for frames of so many channels. */
export function createSource(
  source: SourceConfiguration,
  channels: number,
  world: {
    readonly transport: Transport;
    readonly clock: Clock;
    /** Where it says what it has decided about the samples. */
    readonly note: (event: string, fields: object) => void;
  },
): Sensor {
  const decode = createDecoder(source, channels, world.note);
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
    case 'bmp':
      return { kind: 'whole' };
  }
}
