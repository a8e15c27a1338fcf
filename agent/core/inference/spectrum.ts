/** Power spectra of so many real values, by a fast Fourier transform in radix 2. Its buffers are taken at construction. */
export class Spectrum {
  readonly #size: number;
  readonly #cosines: Float64Array;
  readonly #sines: Float64Array;
  /** Where each value goes before the first stage: its index with the bits in reverse. */
  readonly #places: Uint32Array;
  readonly #real: Float64Array;
  readonly #imaginary: Float64Array;

  /** @param size a power of two, at least 2 */
  constructor(size: number) {
    this.#size = size;
    const half = size / 2;
    const angles = Float64Array.from({ length: half }, (_, i) => (-2 * Math.PI * i) / size);
    this.#cosines = angles.map(Math.cos);
    this.#sines = angles.map(Math.sin);
    this.#places = new Uint32Array(size);
    for (let i = 1; i < size; i++) {
      this.#places[i] = ((this.#places[i >> 1] ?? 0) >> 1) | (i & 1 ? half : 0);
    }
    this.#real = new Float64Array(size);
    this.#imaginary = new Float64Array(size);
  }

  /** Writes the squared magnitudes of the frequencies from 0 to half the sample rate, one more than half as many as values. */
  power(values: Float64Array, out: Float64Array): void {
    const [real, imaginary] = [this.#real, this.#imaginary];
    for (let i = 0; i < this.#size; i++) real[this.#places[i] ?? 0] = values[i] ?? 0;
    imaginary.fill(0);
    for (let width = 2; width <= this.#size; width *= 2) this.#stage(width);
    for (let i = 0; i < out.length; i++) {
      const [re, im] = [real[i] ?? 0, imaginary[i] ?? 0];
      out[i] = re * re + im * im;
    }
  }

  /** Joins transforms of half the width into those of `width`. */
  #stage(width: number): void {
    const [real, imaginary] = [this.#real, this.#imaginary];
    const half = width / 2;
    const turn = this.#size / width;
    for (let from = 0; from < this.#size; from += width) {
      for (let i = 0; i < half; i++) {
        const [a, b] = [from + i, from + i + half];
        const [cosine, sine] = [this.#cosines[i * turn] ?? 0, this.#sines[i * turn] ?? 0];
        const [re, im] = [real[b] ?? 0, imaginary[b] ?? 0];
        const [turnedRe, turnedIm] = [re * cosine - im * sine, re * sine + im * cosine];
        real[b] = (real[a] ?? 0) - turnedRe;
        imaginary[b] = (imaginary[a] ?? 0) - turnedIm;
        real[a] = (real[a] ?? 0) + turnedRe;
        imaginary[a] = (imaginary[a] ?? 0) + turnedIm;
      }
    }
  }
}
