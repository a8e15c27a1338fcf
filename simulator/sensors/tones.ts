import { murmur3 } from '../../protocol/assignment/murmur3.js';
import { Prng } from '../prng.js';
import type { WindowSource } from '../devices/window-source.js';
import type { Delivery } from './delivery.js';

/** The rate of made sound. */
export const toneRateHz = 16_000;

const tones = 5;
const toneSamples = toneRateHz / tones;
const lowestHz = 200;
const highestHz = 3_400;
/** On the scale of 16 bits. */
const amplitude = 6_000;
const noiseRms = 500;
/** Tones that begin and end at once would click. */
const fadeSamples = 160;

/** A second of the pattern of a class: five tones that follow from its name alone. */
export function patternOf(name: string): Float32Array {
  const chance = Prng.fromSeed(0).fork(murmur3(new TextEncoder().encode(name)));
  const pattern = new Float32Array(toneRateHz);
  for (let tone = 0; tone < tones; tone++) {
    const hz = lowestHz * (highestHz / lowestHz) ** chance.uniform(0, 1);
    for (let i = 0; i < toneSamples; i++) {
      const loudness = Math.min(1, i / fadeSamples, (toneSamples - i) / fadeSamples);
      const wave = Math.sin((2 * Math.PI * hz * i) / toneRateHz);
      pattern[tone * toneSamples + i] = amplitude * loudness * wave;
    }
  }
  return pattern;
}

/** A microphone that hears the patterns of classes in noise: another class, drawn evenly, each second. */
export class ToneSource implements WindowSource {
  readonly channels: number;
  readonly #classes: readonly (readonly [name: string, pattern: Float32Array])[];
  readonly #lastValue: number;
  readonly #order: Prng;
  readonly #noise: Prng;
  #present: readonly [name: string, pattern: Float32Array];
  #truth: string;
  #at = 0;

  /** @param patterns by class: one second each, the same for all devices */
  constructor(patterns: ReadonlyMap<string, Float32Array>, delivery: Delivery, prng: Prng) {
    this.channels = delivery.channels;
    this.#classes = [...patterns];
    this.#lastValue = (delivery.lastFrame + 1) * delivery.channels - 1;
    this.#order = prng.fork(1);
    this.#noise = prng.fork(2);
    this.#present = this.#draw();
    [this.#truth] = this.#present;
  }

  get truth(): string {
    return this.#truth;
  }

  next(values: Float32Array): boolean {
    for (let i = 0; i < values.length; i++) {
      if (this.#at === toneRateHz) {
        this.#present = this.#draw();
        this.#at = 0;
      }
      const [name, pattern] = this.#present;
      values[i] = (pattern[this.#at++] ?? 0) + noiseRms * this.#noise.noise();
      if (i === this.#lastValue) this.#truth = name;
    }
    return true;
  }

  #draw(): readonly [name: string, pattern: Float32Array] {
    const drawn = this.#classes[this.#order.below(this.#classes.length)];
    if (drawn === undefined) throw new Error('there are no classes');
    return drawn;
  }
}
