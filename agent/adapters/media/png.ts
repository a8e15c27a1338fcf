import { inflateSync } from 'node:zlib';
import { decode, type DecodedPng } from 'fast-png';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import { readOrientation, upright } from './orientation.js';
import { sizeMistake, type Picture } from './picture.js';

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Length, name and checksum of a chunk. */
const frameBytes = 12;
const headerBytes = 13;

/** Samples of a pixel, by the type of colour: grey, colours, a palette, and the first two with transparency. */
const samplesOf: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [2, 3],
  [3, 1],
  [4, 2],
  [6, 4],
]);
const depthsOf: ReadonlyMap<number, readonly number[]> = new Map([
  [0, [1, 2, 4, 8, 16]],
  [2, [8, 16]],
  [3, [1, 2, 4, 8]],
  [4, [8, 16]],
  [6, [8, 16]],
]);

/** First column, first row, and the steps between them, of each pass of an interlaced picture. */
const passes = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** What the header says. */
interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
  readonly interlaced: boolean;
}

/** The parts of a file that a picture is made of. */
interface Parts {
  readonly header: Header;
  /** The chunks that the library is to see, with what frames them. */
  readonly chunks: readonly Uint8Array[];
  /** The content of the chunks with the pixels. */
  readonly packed: readonly Uint8Array[];
  readonly orientation: number;
}

/**
 * Reads a PNG. Transparency is left out, as if it were not there; brightness of 16 bits keeps its fraction. Refuses with
 * `picture-invalid`.
 *
 * The library unpacks whatever it is given, however large it becomes, and would read profiles and texts as well: so size
 * and number of the pixels are checked first, and it sees the header, the palette and the pixels alone.
 *
 * @param mistakeOf what is wrong with a size, besides being too large to be decoded at all
 */
export function readPng(
  bytes: Uint8Array,
  mistakeOf: (width: number, height: number) => string | undefined,
): Result<Picture> {
  const parts = split(bytes);
  if (typeof parts === 'string') return refuse('picture-invalid', parts);
  const { header } = parts;
  const { width, height } = header;
  const mistake = sizeMistake(width, height) ?? mistakeOf(width, height);
  if (mistake !== undefined) return refuse('picture-invalid', mistake);
  try {
    const expected = unpackedBytes(header);
    const packed = Buffer.concat(parts.packed);
    const { buffer, engine } = unpack(packed, expected);
    if (buffer.length !== expected || engine.bytesWritten !== packed.length) {
      return refuse('picture-invalid', 'there are not as many pixels as the header says');
    }
    const decoded = decode(Buffer.concat([Uint8Array.from(signature), ...parts.chunks]), {
      checkCrc: true,
    });
    const picture = paint(decoded, header);
    if (typeof picture === 'string') return refuse('picture-invalid', picture);
    return accept(upright(picture, parts.orientation));
  } catch (error) {
    return refuse('picture-invalid', error instanceof Error ? error.message : String(error));
  }
}

/** A text says what is wrong with the file. */
function split(bytes: Uint8Array): Parts | string {
  if (!signature.every((byte, i) => bytes[i] === byte)) return 'the bytes are no PNG';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Uint8Array[] = [];
  const packed: Uint8Array[] = [];
  let header: Header | undefined;
  let orientation = 1;
  for (let at = signature.length; at + frameBytes <= bytes.length;) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (length > bytes.length - at - frameBytes) break;
    const whole = bytes.subarray(at, at + frameBytes + length);
    const content = whole.subarray(8, 8 + length);
    if (header === undefined) {
      if (name !== 'IHDR' || length !== headerBytes)
        return 'the picture does not begin with its header';
      const read = readHeader(content);
      if (typeof read === 'string') return read;
      header = read;
      chunks.push(whole);
    } else if (name === 'IDAT' || name === 'PLTE' || name === 'IEND') {
      chunks.push(whole);
      if (name === 'IDAT') packed.push(content);
      if (name === 'IEND') return { header, chunks, packed, orientation };
    } else if (name === 'eXIf') orientation = readOrientation(content);
    else if (name === 'IHDR') return 'the picture has two headers';
    at += whole.length;
  }
  return 'the picture is cut off';
}

function readHeader(content: Uint8Array): Header | string {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth = 0, colour = 0, compression, filter, interlace = 0] = content.subarray(8);
  if (depthsOf.get(colour)?.includes(depth) !== true) {
    return `colours of type ${colour} with ${depth} bits`;
  }
  if (compression !== 0 || filter !== 0 || interlace > 1) {
    return `compression ${compression}, filter ${filter}, interlace ${interlace}`;
  }
  // The library takes a byte for each pixel of a pass.
  if (interlace === 1 && depth < 8) return `an interlaced picture with ${depth} bits is not read`;
  return { width, height, depth, colour, interlaced: interlace === 1 };
}

/** What the pixels take when they are unpacked: each row begins with the number of its filter. */
function unpackedBytes({ width, height, depth, colour, interlaced }: Header): number {
  const bits = depth * (samplesOf.get(colour) ?? 0);
  const rowsOf = (columns: number, rows: number): number =>
    columns === 0 ? 0 : rows * (1 + Math.ceil((columns * bits) / 8));
  if (!interlaced) return rowsOf(width, height);
  return passes.reduce((sum, [x, y, stepX, stepY]) => {
    const [columns, rows] = [Math.ceil((width - x) / stepX), Math.ceil((height - y) / stepY)];
    return sum + (columns > 0 && rows > 0 ? rowsOf(columns, rows) : 0);
  }, 0);
}

/** Unpacks, and says how much of the packed bytes that took. */
function unpack(
  packed: Uint8Array,
  bytesMost: number,
): { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } } {
  // With `info` the answer is another one, which the types of Node.js do not know.
  return inflateSync(packed, { maxOutputLength: bytesMost, info: true }) as never;
}

/** Pixels as brightness or colours from 0 to 255. A text says what is wrong. */
function paint(
  { data, palette }: DecodedPng,
  { width, height, depth, colour }: Header,
): Picture | string {
  const samples = samplesOf.get(colour) ?? 1;
  const most = 2 ** depth - 1;
  const channels = colour === 0 || colour === 4 ? 1 : 3;
  const pixels = width * height;
  const painted =
    depth === 16 ? new Float32Array(pixels * channels) : new Uint8Array(pixels * channels);
  const rowBytes = Math.ceil((width * samples * depth) / 8);
  const sample = (row: number, column: number): number => {
    if (depth >= 8) return data[row * width * samples + column] ?? 0;
    // Several pixels to a byte, from its highest bits on; each row begins with a byte of its own.
    const byte = data[row * rowBytes + ((column * depth) >> 3)] ?? 0;
    return (byte >> (8 - depth - ((column * depth) & 7))) & most;
  };
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (colour === 3) {
        const entry = palette?.[sample(y, x)];
        if (entry === undefined) return 'a pixel has a colour that is not in the palette';
        for (let channel = 0; channel < 3; channel++) painted[to++] = entry[channel] ?? 0;
      } else {
        for (let channel = 0; channel < channels; channel++) {
          painted[to++] = (sample(y, x * samples + channel) * 255) / most;
        }
      }
    }
  }
  return { width, height, channels, data: painted };
}
