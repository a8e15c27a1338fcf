import type { Resize, WindowShape } from '../../../protocol/documents/pipeline.js';

/** Where a window stands in what came without a gap. */
export interface WindowPlace {
  /** The same for windows that are cut from one stretch of samples. */
  readonly stretch: object;
  /** Of its first frame, from the beginning of the stretch. */
  readonly frame: number;
}

/** How many frames a window begins after another; undefined where a gap, or nobody knows what, is between them. */
export function framesBetween(a: WindowPlace | undefined, b: WindowPlace): number | undefined {
  return a?.stretch === b.stretch ? b.frame - a.frame : undefined;
}

/**
 * Gathers samples into windows. Its one buffer is taken at construction; a completed window is lent to
 * the caller for the duration of the call.
 */
export class Window {
  readonly shape: WindowShape;
  readonly #values: Float32Array;
  /** Values in the buffer; below zero while a stride longer than the window is being skipped. */
  #filled = 0;
  #place: WindowPlace = { stretch: {}, frame: 0 };

  constructor(shape: WindowShape) {
    this.shape = shape;
    this.#values = new Float32Array(shape.frames * shape.channels);
  }

  /** Forgets what was gathered, so that a window begins with the next value; false where that was nothing. */
  discard(): boolean {
    const hadValues = this.#filled > 0;
    this.#filled = 0;
    this.#place = { stretch: {}, frame: 0 };
    return hadValues;
  }

  /** How many windows so many values complete. */
  completedBy(values: number): number {
    const beyond = this.#filled + values - this.#values.length;
    const { stride, channels } = this.shape;
    return beyond < 0 ? 0 : 1 + Math.floor(beyond / (stride * channels));
  }

  /** Takes values, frame after frame, and calls `completed` for each window that they complete. */
  push(values: Float32Array, completed: (window: Float32Array, place: WindowPlace) => void): void {
    const { stride, channels } = this.shape;
    let taken = 0;
    while (taken < values.length) {
      const skip = Math.min(-this.#filled, values.length - taken);
      if (skip > 0) {
        this.#filled += skip;
        taken += skip;
        continue;
      }
      const size = this.#values.length;
      const left = values.length - taken;
      if (this.#filled === 0 && left >= size && stride * channels >= size) {
        // A whole window that shares nothing with the next one is lent as it came.
        completed(values.subarray(taken, taken + size), this.#place);
        this.#goOn();
        this.#filled = size - stride * channels;
        taken += size;
        continue;
      }
      const count = Math.min(size - this.#filled, left);
      this.#values.set(values.subarray(taken, taken + count), this.#filled);
      this.#filled += count;
      taken += count;
      if (this.#filled === this.#values.length) {
        completed(this.#values, this.#place);
        this.#goOn();
        this.#values.copyWithin(0, stride * channels);
        this.#filled -= stride * channels;
      }
    }
  }

  /** The next window begins a stride later. */
  #goOn(): void {
    const { stretch, frame } = this.#place;
    this.#place = { stretch, frame: frame + this.shape.stride };
  }
}

/** Whether windows of one shape can be continued as windows of the other, so that no sample is lost. */
export function sameShape(a: WindowShape, b: WindowShape): boolean {
  return (
    a.frames === b.frames &&
    a.stride === b.stride &&
    a.channels === b.channels &&
    sameResize(a.resize, b.resize)
  );
}

/** Whether a picture becomes the same one in both. */
export function sameResize(a: Resize | undefined, b: Resize | undefined): boolean {
  return a?.width === b?.width && a?.height === b?.height && a?.fit === b?.fit;
}
