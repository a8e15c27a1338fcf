/** Samples of a picture, row after row from the top, pixel after pixel, from 0 to 255. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** One is brightness, three are red, green and blue. */
  readonly channels: 1 | 3;
  readonly data: Uint8Array | Float32Array;
}

/** The largest picture that is decoded: 2048 x 2048, or as many pixels in another shape. */
export const pictureMost = 4_194_304;

/** Why a picture of this size is not decoded; undefined where it is. */
export function sizeMistake(width: number, height: number): string | undefined {
  if (width < 1 || height < 1) return `${width} x ${height} pixels`;
  if (width * height > pictureMost) {
    return `${width} x ${height} pixels; pictures of more than ${pictureMost} are not decoded`;
  }
  return undefined;
}

/** The picture with as many channels as a release takes: grey is in each colour, and colours become their brightness. */
export function withChannels(picture: Picture, channels: 1 | 3): Picture {
  const { width, height, data } = picture;
  if (picture.channels === channels) return picture;
  const pixels = width * height;
  const converted = new Float32Array(pixels * channels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    if (channels === 3) converted.fill(data[pixel] ?? 0, pixel * 3, pixel * 3 + 3);
    else {
      const at = pixel * 3;
      converted[pixel] = luminance(data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0);
    }
  }
  return { width, height, channels, data: converted };
}

/** ITU-R BT.601 luma; grey stays exactly what it is. */
function luminance(red: number, green: number, blue: number): number {
  if (red === green && green === blue) return red;
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}
