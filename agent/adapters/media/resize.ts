import type { Resize } from '../../../protocol/documents/pipeline.js';
import type { Picture } from './picture.js';

/** What one pixel of the result takes along an axis: so many neighbours from `first` on, each with its weight. */
interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

/**
 * A picture in another size. `stretch` takes all of it, `crop` the largest part in the middle that has the new proportions,
 * also where its edge runs through pixels. An axis that shrinks is averaged over the area of each new pixel; one that
 * grows is interpolated between the centres of pixels (half-pixel centres). Values keep their fractions.
 */
export function resize(picture: Picture, { width, height, fit }: Resize): Picture {
  const crops = fit === 'crop';
  const partWidth = crops
    ? Math.min(picture.width, (picture.height * width) / height)
    : picture.width;
  const partHeight = crops
    ? Math.min(picture.height, (picture.width * height) / width)
    : picture.height;
  const across = tapsOf(picture.width, partWidth, width);
  const down = tapsOf(picture.height, partHeight, height);
  // The axis that leaves less for the other comes first: extreme proportions would take all memory otherwise.
  return width * picture.height <= picture.width * height
    ? resizeRows(resizeColumns(picture, across), down)
    : resizeColumns(resizeRows(picture, down), across);
}

/** The weights of `size` pixels for each of `count` new ones, which cover `length` of them in the middle. */
function tapsOf(size: number, length: number, count: number): readonly Taps[] {
  const start = (size - length) / 2;
  const scale = length / count;
  return Array.from({ length: count }, (_, i) =>
    scale > 1
      ? areaTaps(size, start + i * scale, start + (i + 1) * scale)
      : centreTaps(size, start + (i + 0.5) * scale - 0.5),
  );
}

/** By how much of each pixel lies between two places. */
function areaTaps(size: number, low: number, high: number): Taps {
  const first = Math.max(0, Math.floor(low));
  const last = Math.min(size, Math.ceil(high)) - 1;
  const weights: number[] = [];
  for (let pixel = first; pixel <= last; pixel++) {
    weights.push((Math.min(high, pixel + 1) - Math.max(low, pixel)) / (high - low));
  }
  return { first, weights };
}

/** By how near the two pixels around a place are; beyond the edge there is the last one. */
function centreTaps(size: number, place: number): Taps {
  const within = Math.min(size - 1, Math.max(0, place));
  const first = Math.floor(within);
  const share = within - first;
  return share === 0 ? { first, weights: [1] } : { first, weights: [1 - share, share] };
}

function resizeColumns({ width, height, channels, data }: Picture, taps: readonly Taps[]): Picture {
  const resized = new Float32Array(taps.length * height * channels);
  let to = 0;
  for (let y = 0; y < height; y++) {
    for (const { first, weights } of taps) {
      const from = (y * width + first) * channels;
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let i = 0; i < weights.length; i++) {
          sum += (weights[i] ?? 0) * (data[from + i * channels + channel] ?? 0);
        }
        resized[to++] = sum;
      }
    }
  }
  return { width: taps.length, height, channels, data: resized };
}

function resizeRows({ width, channels, data }: Picture, taps: readonly Taps[]): Picture {
  const rowValues = width * channels;
  const resized = new Float32Array(taps.length * rowValues);
  let to = 0;
  for (const { first, weights } of taps) {
    for (let x = 0; x < rowValues; x++) {
      let sum = 0;
      for (let i = 0; i < weights.length; i++) {
        sum += (weights[i] ?? 0) * (data[(first + i) * rowValues + x] ?? 0);
      }
      resized[to++] = sum;
    }
  }
  return { width, height: taps.length, channels, data: resized };
}
