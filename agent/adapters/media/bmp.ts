import { decode } from 'bmp-ts';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import { sizeMistake, type Picture } from './picture.js';

const fileHeaderBytes = 14;

/** BITMAPINFOHEADER; longer ones begin like it. */
const infoHeaderBytes = 40;

/** Bits of a pixel: an index into the palette up to 8, red, green and blue above. */
const depths: ReadonlySet<number> = new Set([1, 4, 8, 24, 32]);

/**
 * Reads an uncompressed BMP; one without colours has one channel. Size and length are checked in the header before anything
 * is decoded. Refuses with `picture-invalid`.
 *
 * @param mistakeOf what is wrong with a size, besides being too large to be decoded at all
 */
export function readBmp(
  bytes: Uint8Array,
  mistakeOf: (width: number, height: number) => string | undefined,
): Result<Picture> {
  const plain = rewrite(bytes, mistakeOf);
  if (typeof plain === 'string') return refuse('picture-invalid', plain);
  let picture;
  try {
    picture = decode(plain);
  } catch (error) {
    return refuse('picture-invalid', error instanceof Error ? error.message : String(error));
  }
  const { width, height, data } = picture;
  const pixels = width * height;
  const colours = new Uint8Array(pixels * 3);
  let isGrey = true;
  for (let from = 0, to = 0; to < colours.length; from += 4) {
    // The library gives alpha, blue, green, red.
    const blue = data[from + 1] ?? 0;
    const green = data[from + 2] ?? 0;
    const red = data[from + 3] ?? 0;
    isGrey &&= red === green && green === blue;
    colours[to++] = red;
    colours[to++] = green;
    colours[to++] = blue;
  }
  if (!isGrey) return accept({ width, height, channels: 3, data: colours });
  const grey = Uint8Array.from({ length: pixels }, (_, pixel) => colours[pixel * 3] ?? 0);
  return accept({ width, height, channels: 1, data: grey });
}

/**
 * The same picture in the one form that the library reads right: the shortest header, then the palette, then
 * the pixels. (It takes them from behind the palette wherever the file says they are, colour masks from
 * headers that say they have none, and room for as many colours as the header claims.) A text says what is
 * wrong with the picture.
 */
function rewrite(
  bytes: Uint8Array,
  mistakeOf: (width: number, height: number) => string | undefined,
): Buffer | string {
  if (bytes.length < fileHeaderBytes + infoHeaderBytes) return `${bytes.length} bytes are no BMP`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0, true) !== 0x4d42) return 'the bytes are no BMP';
  const pixelsAt = view.getUint32(10, true);
  const headerBytes = view.getUint32(14, true);
  const width = view.getInt32(18, true);
  const height = Math.abs(view.getInt32(22, true));
  const depth = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  const colours = view.getUint32(46, true) || (depth <= 8 ? 2 ** depth : 0);
  const mistake = sizeMistake(width, height) ?? mistakeOf(width, height);
  if (mistake !== undefined) return mistake;
  if (!depths.has(depth) || compression !== 0) {
    return `depth ${depth} with compression ${compression}; only uncompressed pictures are read`;
  }
  if (depth === 4 && width % 2 === 1) return 'an odd width with 16 colours is not read';
  if (colours > (depth <= 8 ? 2 ** depth : 256)) return `a palette of ${colours} colours`;
  const paletteAt = fileHeaderBytes + headerBytes;
  const paletteBytes = colours * 4;
  // Rows are padded to four bytes.
  const pixelBytes = Math.ceil((width * depth) / 32) * 4 * height;
  if (headerBytes < infoHeaderBytes || paletteAt + paletteBytes > pixelsAt) {
    return 'headers, palette and pixels overlap';
  }
  if (pixelsAt + pixelBytes > bytes.length) return 'the picture is cut off';
  const plain = Buffer.concat([
    bytes.subarray(0, fileHeaderBytes + infoHeaderBytes),
    bytes.subarray(paletteAt, paletteAt + paletteBytes),
    bytes.subarray(pixelsAt, pixelsAt + pixelBytes),
  ]);
  plain.writeUInt32LE(infoHeaderBytes, 14);
  return plain;
}
