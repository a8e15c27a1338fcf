import type { Prng } from '../prng.js';
import type { WindowSource } from '../devices/window-source.js';
import type { Delivery } from './delivery.js';

/** What was measured in a row: frame after frame, with what was true of each. All devices share it. */
export interface Recording {
  readonly channels: number;
  readonly values: Float32Array;
  /** By frame; undefined where nobody knows. */
  readonly truths: readonly (string | undefined)[];
}

/** Plays a recording round and round. */
export class RecordingSource implements WindowSource {
  readonly channels: number;
  readonly #recording: Recording;
  readonly #delivery: Delivery;
  /** The frame that comes next. */
  #next: number;
  #truth: string | undefined;

  /** @param start the first frame, from 0; `drawn`: another one for each device */
  constructor(recording: Recording, delivery: Delivery, start: number | 'drawn', prng: Prng) {
    this.channels = recording.channels;
    this.#recording = recording;
    this.#delivery = delivery;
    const frames = recording.truths.length;
    this.#next = start === 'drawn' ? prng.below(frames) : start;
    this.#truth = recording.truths[this.#next];
  }

  get truth(): string | undefined {
    return this.#truth;
  }

  next(values: Float32Array): boolean {
    const { values: all, truths } = this.#recording;
    this.#truth = truths[(this.#next + this.#delivery.lastFrame) % truths.length];
    const from = this.#next * this.channels;
    for (let i = 0; i < values.length; i++) values[i] = all[(from + i) % all.length] ?? 0;
    this.#next = (this.#next + values.length / this.channels) % truths.length;
    return true;
  }
}
