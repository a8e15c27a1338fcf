/** Channels of a window that are looked at; of more, the first. */
const mostChannels = 16;

/** What a number may change by without being worth a word: a mean, a logarithm of an rms, a share. */
const leastWidths = { mean: 0.01, rms: 0.05, share: 0.01 } as const;

/** The logarithm of the rms of a channel that stands still: below what any sensor resolves. */
const stillLogRms = Math.log(1e-9);

/** What is to be known of a source to make numbers of its windows. */
export interface NumberTerms {
  readonly channels: number;
  /** Where the scale of the sensor ends, in the units of the samples; undefined where nobody knows. */
  readonly scale: readonly [low: number, high: number] | undefined;
}

/**
 * The numbers that a window is watched by: the mean of each channel, then ln of the rms about the mean of each channel,
 * then the share of all values that are at an end of the scale. Made once; computing them allocates nothing.
 */
export class WindowNumbers {
  /** The numbers of the latest window. */
  readonly values: Float64Array;
  readonly #channels: number;
  readonly #watched: number;
  readonly #scale: NumberTerms['scale'];

  constructor({ channels, scale }: NumberTerms) {
    this.#channels = channels;
    this.#watched = Math.min(channels, mostChannels);
    this.#scale = scale;
    this.values = new Float64Array(2 * this.#watched + 1);
  }

  get count(): number {
    return this.values.length;
  }

  /** Computes the numbers of a window, frame after frame; a value that is no number makes one that is none. */
  compute(window: Float32Array): void {
    const frames = window.length / this.#channels;
    for (let channel = 0; channel < this.#watched; channel++) {
      let sum = 0;
      for (let at = channel; at < window.length; at += this.#channels) sum += window[at] ?? 0;
      const mean = sum / frames;
      let squares = 0;
      for (let at = channel; at < window.length; at += this.#channels) {
        const difference = (window[at] ?? 0) - mean;
        squares += difference * difference;
      }
      this.values[channel] = mean;
      const logRms = Math.log(squares / frames) / 2;
      this.values[this.#watched + channel] = logRms < stillLogRms ? stillLogRms : logRms;
    }
    this.values[2 * this.#watched] = this.#shareAtEnds(window);
  }

  /** The least width of the range of a number, in its unit. */
  leastWidth(number: number): number {
    if (number === 2 * this.#watched) return leastWidths.share;
    return number < this.#watched ? leastWidths.mean : leastWidths.rms;
  }

  /** A number in words; channels are counted from 1. */
  nameOf(number: number): string {
    if (number === 2 * this.#watched) return 'share of values at the end of the scale';
    return number < this.#watched
      ? `mean of channel ${number + 1}`
      : `rms of channel ${number - this.#watched + 1}`;
  }

  #shareAtEnds(window: Float32Array): number {
    if (this.#scale === undefined) return 0;
    const [low, high] = this.#scale;
    let atEnds = 0;
    for (let at = 0; at < window.length; at++) {
      const value = window[at] ?? 0;
      if (value <= low || value >= high) atEnds++;
    }
    return atEnds / window.length;
  }
}
