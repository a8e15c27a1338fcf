import { accept, refuse, type Result } from '../../../protocol/result.js';

/** A clip as its file says it: frame after frame, channel after channel within a frame. */
export interface Sound {
  readonly sampleRateHz: number;
  readonly channels: number;
  /** On the scale of 16 bits, whatever the file has: silence is 0, the loudest sample 32767. */
  readonly values: Float32Array;
}

/** What the `fmt ` chunk says of the samples. */
interface Format {
  readonly kind: 'integer' | 'float';
  readonly channels: number;
  readonly sampleRateHz: number;
  readonly bits: number;
}

const integerTag = 1;
const floatTag = 3;
/** The real tag is the beginning of a longer name (WAVEFORMATEXTENSIBLE). */
const extensibleTag = 0xfffe;
const subFormatAt = 24;

/** Programs that write to a pipe do not know how long the sound will be. */
const unknownLength = 0xffffffff;

/**
 * Reads a WAV file (RIFF, uncompressed): integers of 8, 16, 24 and 32 bits, floats of 32 and 64. Everything is checked in the
 * chunks before a sample is read. Refuses with `sound-invalid`.
 *
 * @param valuesMost more samples than that, over all channels, are refused
 */
export function readWav(bytes: Uint8Array, valuesMost: number): Result<Sound> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || nameAt(view, 0) !== 'RIFF' || nameAt(view, 8) !== 'WAVE') {
    return refuse('sound-invalid', 'the bytes are no WAV');
  }
  let format: Format | undefined;
  for (let at = 12; at + 8 <= bytes.length;) {
    const name = nameAt(view, at);
    const claimed = view.getUint32(at + 4, true);
    const from = at + 8;
    const rest = bytes.length - from;
    const length = name === 'data' && claimed === unknownLength ? rest : claimed;
    if (length > rest) {
      return refuse('sound-invalid', `the sound is cut off: ${rest} of ${length} bytes`);
    }
    if (name === 'fmt ') {
      const read = readFormat(new DataView(bytes.buffer, bytes.byteOffset + from, length));
      if (!read.ok) return read;
      format = read.value;
    } else if (name === 'data') {
      if (format === undefined) return refuse('sound-invalid', 'samples come before their format');
      const samples = new DataView(bytes.buffer, bytes.byteOffset + from, length);
      return readSamples(samples, format, valuesMost);
    }
    // Chunks begin at even places.
    at = from + length + (length % 2);
  }
  return refuse('sound-invalid', 'the file has no samples');
}

function readFormat(chunk: DataView): Result<Format> {
  if (chunk.byteLength < 16) return refuse('sound-invalid', 'the format is cut off');
  let tag = chunk.getUint16(0, true);
  if (tag === extensibleTag && chunk.byteLength >= subFormatAt + 2) {
    tag = chunk.getUint16(subFormatAt, true);
  }
  const channels = chunk.getUint16(2, true);
  const sampleRateHz = chunk.getUint32(4, true);
  const frameBytes = chunk.getUint16(12, true);
  const bits = chunk.getUint16(14, true);
  const widths = tag === integerTag ? [8, 16, 24, 32] : tag === floatTag ? [32, 64] : [];
  if (!widths.includes(bits)) {
    return refuse(
      'sound-invalid',
      `format ${tag} with ${bits} bits; only uncompressed sound is read`,
    );
  }
  if (channels === 0 || sampleRateHz === 0 || frameBytes !== (channels * bits) / 8) {
    const frames = `frames of ${frameBytes} bytes`;
    return refuse('sound-invalid', `${channels} channels at ${sampleRateHz} Hz in ${frames}`);
  }
  return accept({ kind: tag === floatTag ? 'float' : 'integer', channels, sampleRateHz, bits });
}

function readSamples(
  data: DataView,
  { kind, channels, sampleRateHz, bits }: Format,
  valuesMost: number,
): Result<Sound> {
  const sampleBytes = bits / 8;
  const count = data.byteLength / sampleBytes;
  if (count === 0) return refuse('sound-invalid', 'the file has no samples');
  if (!Number.isInteger(count / channels)) {
    return refuse('sound-invalid', 'the sound ends within a frame');
  }
  if (count > valuesMost) return refuse('sound-invalid', `more than ${valuesMost} samples`);
  const read = kind === 'float' ? floatReader(data, bits) : integerReader(data, bits);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const value = Math.fround(read(i * sampleBytes));
    // One NaN would spread over the whole window.
    if (!Number.isFinite(value)) return refuse('sound-invalid', `sample ${i} is ${value}`);
    values[i] = value;
  }
  return accept({ sampleRateHz, channels, values });
}

/** The most significant 16 bits are whole numbers, and what is below them is a fraction. */
function integerReader(data: DataView, bits: number): (at: number) => number {
  switch (bits) {
    case 8:
      // The only width without a sign.
      return (at) => (data.getUint8(at) - 128) * 256;
    case 16:
      return (at) => data.getInt16(at, true);
    case 24:
      return (at) => data.getInt16(at + 1, true) + data.getUint8(at) / 256;
    default:
      return (at) => data.getInt32(at, true) / 65_536;
  }
}

function floatReader(data: DataView, bits: number): (at: number) => number {
  return bits === 32
    ? (at) => data.getFloat32(at, true) * 32_768
    : (at) => data.getFloat64(at, true) * 32_768;
}

function nameAt(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));
}
