import { decode } from 'bmp-ts';
import { accept, refuse } from '../../core/result.js';
import { messageValues, type Decoder } from './decoder.js';
import { detectPixelSign, readSigned, type PixelSign } from './pixel-sign.js';

/** File header and the shortest info header that is decoded (BITMAPINFOHEADER). */
const headerBytes = 54;

/** Depths whose files say by their header how long they are. */
const depths: ReadonlySet<number> = new Set([1, 4, 8, 16, 24, 32]);

/**
 * A picture, row after row from the top: one channel is its luminance, three are red, green and blue, all
 * from 0 to 255. Size and length are checked in the header before anything is decoded.
 *
 * @param pixels how the bytes of a grey picture are read; `auto` looks at each picture
 */
export function createBmpDecoder(
  channels: number,
  pixels: PixelSign | 'auto' = 'unsigned',
): Decoder {
  let values = new Float32Array();
  return (bytes) => {
    const header = checkHeader(bytes);
    if (header !== undefined) return refuse('picture-invalid', header);
    if (channels !== 1 && channels !== 3) {
      return refuse('picture-invalid', `a picture has no ${channels} channels`);
    }
    let picture;
    try {
      picture = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    } catch (error) {
      return refuse('picture-invalid', error instanceof Error ? error.message : String(error));
    }
    const { width, height, data } = picture;
    const count = width * height * channels;
    if (values.length !== count) values = new Float32Array(count);
    let isGrey = channels === 1;
    for (let pixel = 0; pixel < width * height; pixel++) {
      // The library gives alpha, blue, green, red.
      const red = data[4 * pixel + 3] ?? 0;
      const green = data[4 * pixel + 2] ?? 0;
      const blue = data[4 * pixel + 1] ?? 0;
      isGrey &&= red === green && green === blue;
      if (channels === 1) values[pixel] = luminance(red, green, blue);
      else values.set([red, green, blue], 3 * pixel);
    }
    if (isGrey && (pixels === 'auto' ? detectPixelSign(values, width) : pixels) === 'signed') {
      readSigned(values);
    }
    return accept(values);
  };
}

/** ITU-R BT.601 luma; grey stays exactly what it is. */
function luminance(red: number, green: number, blue: number): number {
  if (red === green && green === blue) return red;
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

/** What is wrong with the header; undefined where a decoder may have a look. */
function checkHeader(bytes: Uint8Array): string | undefined {
  if (bytes.length < headerBytes) return `${bytes.length} bytes are no BMP`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0, true) !== 0x4d42) return 'the bytes are no BMP';
  const offset = view.getUint32(10, true);
  const width = view.getInt32(18, true);
  const height = Math.abs(view.getInt32(22, true));
  const depth = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  if (width < 1 || height < 1 || width * height > messageValues)
    return `${width} x ${height} pixels`;
  if (!depths.has(depth) || compression !== 0) {
    return `depth ${depth} with compression ${compression}; only uncompressed pictures are read`;
  }
  // Rows are padded to four bytes.
  const rowBytes = Math.ceil((width * depth) / 32) * 4;
  if (offset < headerBytes || offset + rowBytes * height > bytes.length)
    return 'the picture is cut off';
  return undefined;
}
