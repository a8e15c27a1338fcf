import type { LogMel } from '../../../protocol/documents/pipeline.js';
import { Spectrum } from './spectrum.js';

/** The power below which there is nothing: its logarithm would have no end. */
const leastPower = 1e-30;

/** A band of the mel scale: from a first bin of the spectrum on, what each counts in it. */
interface Band {
  readonly from: number;
  readonly weights: Float64Array;
}

/**
 * Log-mel features of slices of sound: pre-emphasis, a Hamming window, power, triangles on the mel scale, decibels, brought to
 * 0..1. Slices are of one channel.
 */
export class LogMelFeatures {
  readonly #how: LogMel;
  readonly #taper: Float64Array;
  readonly #spectrum: Spectrum;
  readonly #bands: readonly Band[];
  readonly #tapered: Float64Array;
  readonly #power: Float64Array;

  /** @param frames of a slice: a power of two */
  constructor(how: LogMel, frames: number, sampleRateHz: number) {
    this.#how = how;
    this.#taper = Float64Array.from(
      { length: frames },
      (_, i) => 0.54 - 0.46 * Math.cos((2 * Math.PI * i) / (frames - 1)),
    );
    this.#spectrum = new Spectrum(frames);
    this.#tapered = new Float64Array(frames);
    this.#power = new Float64Array(frames / 2 + 1);
    this.#bands = melBands(how, this.#power.length, sampleRateHz / frames);
  }

  /** Writes the features of a slice, a value for each band. */
  write(slice: Float32Array, out: Float32Array): void {
    const { preEmphasis, add, multiply } = this.#how;
    // What came before the slice is not its own: it is taken to be as its first value.
    let before = slice[0] ?? 0;
    for (let i = 0; i < slice.length; i++) {
      const value = slice[i] ?? 0;
      this.#tapered[i] = (value - preEmphasis * before) * (this.#taper[i] ?? 0);
      before = value;
    }
    this.#spectrum.power(this.#tapered, this.#power);
    for (const [band, { from, weights }] of this.#bands.entries()) {
      let sum = 0;
      for (let i = 0; i < weights.length; i++)
        sum += (weights[i] ?? 0) * (this.#power[from + i] ?? 0);
      const decibels = 10 * Math.log10(Math.max(sum / slice.length, leastPower));
      out[band] = Math.min(1, Math.max(0, (decibels + add) * multiply));
    }
  }
}

/** Triangles of equal width on the mel scale, each from the middle of the one before to that of the next. */
function melBands({ bands, lowHz, highHz }: LogMel, bins: number, binHz: number): readonly Band[] {
  const [low, high] = [toMel(lowHz), toMel(highHz)];
  const width = (high - low) / (bands + 1);
  return Array.from({ length: bands }, (_, band) => {
    const left = low + band * width;
    const weights: number[] = [];
    let from = 0;
    // The mean of the sound is in no band.
    for (let bin = 1; bin < bins; bin++) {
      const mel = toMel(bin * binHz);
      const weight = Math.min(mel - left, left + 2 * width - mel) / width;
      if (weight <= 0) continue;
      if (weights.length === 0) from = bin;
      weights.push(weight);
    }
    return { from, weights: Float64Array.from(weights) };
  });
}

function toMel(hertz: number): number {
  return 1127 * Math.log1p(hertz / 700);
}
