import type { Readable } from 'node:stream';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import type { Clock } from '../../ports/clock.js';
import type { Sensor, SensorListener } from '../../ports/sensor.js';
import type { Decoder, SlowDecoder } from './decoder.js';

/**
 * How a stream of bytes is cut into messages: lines of JSON, whole frames of so many bytes, or one
 * message that is all of it (a picture, or sound).
 */
export type Cut =
  | { readonly kind: 'lines' }
  | { readonly kind: 'frames'; readonly frameBytes: number }
  | { readonly kind: 'whole'; readonly gives: 'picture' | 'sound' };

export interface StreamSourceOptions {
  /** Opens the stream; what it throws or emits ends the source with `file-unreadable`. */
  readonly open: () => Readable;
  /** Leaves the stream open when the source is closed: standard input cannot be opened again. */
  readonly keepsOpen?: boolean;
  readonly cut: Cut;
  readonly decode: Decoder | SlowDecoder;
  readonly channels: number;
  /** A line or a picture may be that long. */
  readonly maxBytes: number;
  readonly clock: Clock;
}

const lineFeed = 10;
const carriageReturn = 13;

/** Frames that are handed on at a time, so that windows do not pile up faster than they are answered. */
const framesAtATime = 8;

/** Samples from standard input or a file, as fast as they are taken. */
export function createStreamSource(options: StreamSourceOptions): Sensor {
  const { open, cut, decode, keepsOpen = false } = options;
  let closed = false;
  let stream: Readable | undefined;
  const run = async (listener: SensorListener): Promise<void> => {
    try {
      stream = open();
      const chunks = readChunks(stream, keepsOpen, () => closed);
      for await (const message of cutChunks(chunks, cut, options.maxBytes)) {
        const samples = message.ok ? await decode(message.value) : message;
        if (closed) return;
        if (samples.ok) await deliver(listener, samples.value, options, () => closed);
        else listener.refused(samples.rejection);
        if (closed) return;
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
      if (!keepsOpen) stream?.destroy();
      return Promise.resolve();
    },
  };
}

/** The chunks of a stream until the source is closed; one that came too late stays in the stream. */
async function* readChunks(
  stream: Readable,
  keepsOpen: boolean,
  isClosed: () => boolean,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream.iterator({ destroyOnReturn: !keepsOpen })) {
    if (isClosed()) {
      if (keepsOpen) stream.unshift(chunk);
      return;
    }
    yield chunk as Uint8Array;
  }
}

async function deliver(
  listener: SensorListener,
  values: Float32Array,
  { channels, clock, cut }: StreamSourceOptions,
  isClosed: () => boolean,
): Promise<void> {
  const isPicture = cut.kind === 'whole' && cut.gives === 'picture';
  const step = isPicture ? values.length : framesAtATime * channels;
  for (let from = 0; from < values.length && !isClosed(); from += step) {
    const waitForRoom = listener.samples(values.subarray(from, from + step), clock.wallMs());
    await waitForRoom?.();
  }
}

async function* cutChunks(
  chunks: AsyncIterable<Uint8Array>,
  cut: Cut,
  maxBytes: number,
): AsyncGenerator<Result<Uint8Array>> {
  let rest: Uint8Array = new Uint8Array();
  let skipping = false;
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (cut.kind === 'lines') {
      for (let end = rest.indexOf(lineFeed); end >= 0; end = rest.indexOf(lineFeed)) {
        const line = rest.subarray(0, end);
        rest = rest.subarray(end + 1);
        if (!skipping && !isBlank(line)) yield accept(line);
        skipping = false;
      }
    } else if (cut.kind === 'frames') {
      const whole = rest.length - (rest.length % cut.frameBytes);
      if (whole > 0) yield accept(rest.subarray(0, whole));
      rest = rest.subarray(whole);
    }
    if (cut.kind !== 'frames' && rest.length > maxBytes) {
      if (!skipping) yield refuse('sample-invalid', `a message of more than ${maxBytes} bytes`);
      // The next line may be right; what is one message to its end has none.
      if (cut.kind === 'whole') return;
      skipping = true;
      rest = new Uint8Array();
    }
  }
  if (skipping) return;
  const ends = rest.length === 0 || (cut.kind === 'lines' && isBlank(rest));
  if (cut.kind === 'frames' && !ends)
    yield refuse('sample-invalid', 'the stream ends within a frame');
  else if (cut.kind === 'whole' || !ends) yield accept(rest);
}

/** An empty line, also one that ends as on Windows. */
function isBlank(line: Uint8Array): boolean {
  return line.length === 0 || (line.length === 1 && line[0] === carriageReturn);
}
