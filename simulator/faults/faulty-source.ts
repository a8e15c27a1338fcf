import type { WindowSource } from '../devices/window-source.js';
import type { Prng } from '../prng.js';

/** What is wrong with a sensor. */
export type SensorFault =
  | { readonly kind: 'stuck' | 'silent' }
  /** Noise of this root mean square, in units of the samples. */
  | { readonly kind: 'noise'; readonly rms: number }
  | { readonly kind: 'gain'; readonly factor: number }
  | { readonly kind: 'offset'; readonly add: number };

interface Present {
  readonly fault: SensorFault;
  readonly fromMs: number;
  /** So long it takes to grow to its size. */
  readonly overMs: number;
}

/** A source whose sensor may be broken. The truth stays what it is. */
export class FaultySource implements WindowSource {
  readonly #source: WindowSource;
  readonly #prng: Prng;
  readonly #nowMs: () => number;
  readonly #present = new Set<Present>();
  /** The frame that a stuck sensor shows. */
  #held: Float32Array | undefined;

  constructor(source: WindowSource, prng: Prng, nowMs: () => number) {
    this.#source = source;
    this.#prng = prng;
    this.#nowMs = nowMs;
  }

  get channels(): number {
    return this.#source.channels;
  }

  get truth(): string | undefined {
    return this.#source.truth;
  }

  /** Breaks the sensor; the returned function mends it. */
  break(fault: SensorFault, overMs: number): () => void {
    const present = { fault, fromMs: this.#nowMs(), overMs };
    this.#present.add(present);
    return () => {
      this.#present.delete(present);
      this.#held = undefined;
    };
  }

  next(values: Float32Array): boolean {
    const delivers = this.#source.next(values);
    let speaks = delivers;
    for (const present of this.#present) speaks = this.#apply(present, values) && speaks;
    return speaks;
  }

  #apply({ fault, fromMs, overMs }: Present, values: Float32Array): boolean {
    const grown = overMs === 0 ? 1 : Math.min(1, (this.#nowMs() - fromMs) / overMs);
    switch (fault.kind) {
      case 'silent':
        return grown < 1;
      case 'stuck':
        if (grown < 1) return true;
        this.#held ??= values.slice(0, this.channels);
        for (let i = 0; i < values.length; i++) values[i] = this.#held[i % this.channels] ?? 0;
        return true;
      case 'noise':
        for (let i = 0; i < values.length; i++)
          values[i] = (values[i] ?? 0) + grown * fault.rms * this.#prng.noise();
        return true;
      case 'gain': {
        const factor = fault.factor ** grown;
        for (let i = 0; i < values.length; i++) values[i] = (values[i] ?? 0) * factor;
        return true;
      }
      case 'offset':
        for (let i = 0; i < values.length; i++) values[i] = (values[i] ?? 0) + grown * fault.add;
        return true;
    }
  }
}
