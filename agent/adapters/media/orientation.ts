import type { Picture } from './picture.js';

/** Where a pixel of the upright picture lies in the stored one. */
interface Turn {
  /** Rows of the one are columns of the other. */
  readonly transposes: boolean;
  /** After that, whether the stored columns and rows run the other way. */
  readonly flipsX: boolean;
  readonly flipsY: boolean;
}

/** The eight orientations of EXIF, from 1 on: where the first row and the first column of the stored picture are seen. */
const turns: readonly Turn[] = [
  { transposes: false, flipsX: false, flipsY: false },
  { transposes: false, flipsX: true, flipsY: false },
  { transposes: false, flipsX: true, flipsY: true },
  { transposes: false, flipsX: false, flipsY: true },
  { transposes: true, flipsX: false, flipsY: false },
  { transposes: true, flipsX: false, flipsY: true },
  { transposes: true, flipsX: true, flipsY: true },
  { transposes: true, flipsX: true, flipsY: false },
];

const orientationTag = 0x0112;
const shortType = 3;

/**
 * The orientation that EXIF data names, 1 to 8. Where they name none, or are damaged, it is 1, as every viewer has it: they
 * are a remark beside the picture, and no part of it.
 *
 * @param exif from the byte order (`II` or `MM`) on
 */
export function readOrientation(exif: Uint8Array): number {
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  if (exif.length < 8) return 1;
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return 1;
  const little = order === 0x4949;
  if (view.getUint16(2, little) !== 42) return 1;
  const directory = view.getUint32(4, little);
  if (directory + 2 > exif.length) return 1;
  const entries = view.getUint16(directory, little);
  for (let entry = 0; entry < entries; entry++) {
    const at = directory + 2 + entry * 12;
    if (at + 12 > exif.length) return 1;
    if (view.getUint16(at, little) !== orientationTag) continue;
    const value = view.getUint16(at + 8, little);
    const isOne = view.getUint16(at + 2, little) === shortType && value >= 1 && value <= 8;
    return isOne ? value : 1;
  }
  return 1;
}

/** The picture as it is to be seen. */
export function upright(picture: Picture, orientation: number): Picture {
  const turn = turns[orientation - 1];
  if (turn === undefined || orientation === 1) return picture;
  const { channels, data } = picture;
  const [width, height] = turn.transposes
    ? [picture.height, picture.width]
    : [picture.width, picture.height];
  const turned =
    data instanceof Float32Array ? new Float32Array(data.length) : new Uint8Array(data.length);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [column, row] = turn.transposes ? [y, x] : [x, y];
      const storedX = turn.flipsX ? picture.width - 1 - column : column;
      const storedY = turn.flipsY ? picture.height - 1 - row : row;
      const from = (storedY * picture.width + storedX) * channels;
      for (let channel = 0; channel < channels; channel++) turned[to++] = data[from + channel] ?? 0;
    }
  }
  return { width, height, channels, data: turned };
}
