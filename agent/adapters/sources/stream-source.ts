import type { Readable } from 'node:stream';
import { accept, refuse, type Result } from '../../core/result.js';
import type { Clock } from '../../ports/clock.js';
import type { Sensor, SensorListener } from '../../ports/sensor.js';
import type { Decoder } from './decoder.js';

/**
 * How a stream of bytes is cut into messages: lines of JSON, whole frames of so many bytes, or one
 * message that is all of it (a picture).
 */
export type Cut =
  | { readonly kind: 'lines' }
  | { readonly kind: 'frames'; readonly frameBytes: number }
  | { readonly kind: 'whole' };

export interface StreamSourceOptions {
  /** Opens the stream; what it throws or emits ends the source with `file-unreadable`. */
  readonly open: () => Readable;
  readonly cut: Cut;
  readonly decode: Decoder;
  readonly channels: number;
  readonly clock: Clock;
}

/** A line or a picture may be that long. */
const messageBytes = 8_388_608;

/** Frames that are handed on at a time, so that windows do not pile up faster than they are answered. */
const framesAtATime = 8;

/** Samples from standard input or a file, as fast as they are taken. */
export function createStreamSource(options: StreamSourceOptions): Sensor {
  let closed = false;
  let stream: Readable | undefined;
  const run = async (listener: SensorListener): Promise<void> => {
    try {
      stream = options.open();
      for await (const message of cutStream(stream, options.cut)) {
        if (closed) return;
        const samples = message.ok ? options.decode(message.value) : message;
        if (samples.ok) await deliver(listener, samples.value, options);
        else listener.refused(samples.rejection);
      }
      if (!closed) listener.ended();
    } catch (error) {
      if (closed) return;
      const detail = error instanceof Error ? error.message : String(error);
      listener.refused({ code: 'file-unreadable', detail });
      listener.ended();
    }
  };
  return {
    open(listener) {
      void run(listener);
    },
    close() {
      closed = true;
      stream?.destroy();
      return Promise.resolve();
    },
  };
}

async function deliver(
  listener: SensorListener,
  values: Float32Array,
  { channels, clock, cut }: StreamSourceOptions,
): Promise<void> {
  const step = cut.kind === 'whole' ? values.length : framesAtATime * channels;
  for (let from = 0; from < values.length; from += step) {
    const room = listener.samples(values.subarray(from, from + step), clock.wallMs());
    if (room !== undefined) await room;
  }
}

async function* cutStream(stream: Readable, cut: Cut): AsyncGenerator<Result<Uint8Array>> {
  let rest: Uint8Array = new Uint8Array();
  let skipping = false;
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (cut.kind === 'lines') {
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        const line = rest.subarray(0, end);
        rest = rest.subarray(end + 1);
        if (!skipping && line.length > 0) yield accept(line);
        skipping = false;
      }
    } else if (cut.kind === 'frames') {
      const whole = rest.length - (rest.length % cut.frameBytes);
      if (whole > 0) yield accept(rest.subarray(0, whole));
      rest = rest.subarray(whole);
    }
    if (rest.length > messageBytes) {
      if (!skipping) yield refuse('sample-invalid', `a message of more than ${messageBytes} bytes`);
      skipping = true;
      rest = new Uint8Array();
    }
  }
  if (rest.length > 0 && !skipping) yield accept(rest);
}
