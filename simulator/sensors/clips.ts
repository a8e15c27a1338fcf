import type { Prng } from '../prng.js';
import type { WindowSource } from '../devices/window-source.js';
import type { Delivery } from './delivery.js';

/** A sound or a picture, as a release takes it. All devices share it. */
export interface Clip {
  readonly values: Float32Array;
  /** What it shows; undefined where nobody knows. */
  readonly truth: string | undefined;
}

/**
 * Gives one clip after another, each drawn evenly from all. A clip begins with a delivery: silence fills its last one, and an
 * end of less than half a delivery is left out.
 */
export class ClipSource implements WindowSource {
  readonly channels: number;
  readonly #clips: readonly Clip[];
  readonly #prng: Prng;
  readonly #deliveryValues: number;
  #clip: Clip;
  /** The value of the clip that comes next. */
  #at = 0;
  #isFresh = true;

  constructor(clips: readonly Clip[], { frames, channels }: Delivery, prng: Prng) {
    this.channels = channels;
    this.#clips = clips;
    this.#prng = prng;
    this.#deliveryValues = frames * channels;
    this.#clip = this.#draw();
  }

  get truth(): string | undefined {
    return this.#clip.truth;
  }

  next(values: Float32Array): boolean {
    const left = this.#clip.values.length - this.#at;
    if (!this.#isFresh && left < this.#deliveryValues / 2) {
      this.#clip = this.#draw();
      this.#at = 0;
    }
    this.#isFresh = false;
    const part = this.#clip.values.subarray(this.#at, this.#at + values.length);
    values.set(part);
    values.fill(0, part.length);
    this.#at += values.length;
    return true;
  }

  #draw(): Clip {
    const clip = this.#clips[this.#prng.below(this.#clips.length)];
    if (clip === undefined) throw new Error('there are no clips');
    return clip;
  }
}
