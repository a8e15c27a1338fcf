import type { Prng } from '../prng.js';
import type { Recording } from '../devices/recorded-source.js';

/** Sound as keyword models are trained on it. */
export const toneRateHz = 16_000;

const seconds = 1;
const tones = 4;
const [lowestHz, highestHz] = [200, 3_000];
const loudness = 6_000;
const noise = 400;

/**
 * A second of four tones one after the other, which are fixed for a class, in noise: on the scale of 16 bits.
 *
 * @param index the place of the class among all
 */
export function tonePattern(label: string, index: number, prng: Prng): Recording {
  const frames = seconds * toneRateHz;
  const own = prng.fork(index);
  const hz = Array.from({ length: tones }, () => own.uniform(lowestHz, highestHz));
  const values = Float32Array.from({ length: frames }, (_, i) => {
    const tone = hz[Math.floor((i * tones) / frames)] ?? lowestHz;
    const wave = loudness * Math.sin((2 * Math.PI * tone * i) / toneRateHz);
    return Math.fround(wave + own.uniform(-noise, noise));
  });
  return { values, labelOf: () => label };
}
