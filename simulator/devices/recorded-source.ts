import type { Prng } from '../prng.js';
import type { WindowSource } from './window-source.js';

/** Frames that were recorded, and what is true of each. */
export interface Recording {
  /** Frame after frame, channel after channel within a frame. */
  readonly values: Float32Array;
  /** What is true of a frame; undefined where nobody knows. */
  readonly labelOf: (frame: number) => string | undefined;
}

/** Recordings with as many channels each. */
export interface Recordings {
  readonly channels: number;
  /** One at least. */
  readonly all: readonly [Recording, ...Recording[]];
  /** All labels that there are. */
  readonly classes: readonly string[];
  /** The frame of the first recording that comes first; another one for each device where it is undefined. */
  readonly startFrame: number | undefined;
}

/**
 * Plays recordings without an end: one alone round and round, of several another one is drawn whenever one has ended. The truth is
 * that of the last frame that came.
 */
export class RecordedSource implements WindowSource {
  readonly channels: number;
  truth: string | undefined;
  readonly #recordings: Recordings;
  readonly #prng: Prng;
  #playing: Recording;
  #frame: number;

  constructor(recordings: Recordings, prng: Prng) {
    const { all, channels, startFrame } = recordings;
    this.channels = channels;
    this.#recordings = recordings;
    this.#prng = prng;
    this.#playing = this.#draw();
    const frames = this.#playing.values.length / channels;
    // Several begin at their beginnings: there it makes sense to cut them into windows.
    this.#frame = all.length > 1 ? 0 : (startFrame ?? prng.below(frames)) % frames;
    this.truth = this.#playing.labelOf(this.#frame);
  }

  next(values: Float32Array): boolean {
    const { channels } = this;
    for (let at = 0; at < values.length;) {
      const from = this.#frame * channels;
      if (from >= this.#playing.values.length) {
        this.#playing = this.#draw();
        this.#frame = 0;
        continue;
      }
      const part = this.#playing.values.subarray(from, from + values.length - at);
      values.set(part, at);
      at += part.length;
      this.#frame += part.length / channels;
    }
    this.truth = this.#playing.labelOf(this.#frame - 1);
    return true;
  }

  #draw(): Recording {
    const { all } = this.#recordings;
    const [first] = all;
    return all.length === 1 ? first : (all[this.#prng.below(all.length)] ?? first);
  }
}
