import type { Rejection } from '../core/result.js';

/** Samples on their way to the window. The array is the sensor's again when `samples` returns. */
export interface SensorListener {
  /**
   * Values of one message or read, in order: frame after frame, channel after channel within a frame.
   * `frame` decoders such as `bmp` deliver a whole picture, row after row, at once.
   */
  samples(values: Float32Array, wallMs: number): void;
  /** An input was refused (wrong size, not JSON, no such field); the next one may be right. */
  refused(rejection: Rejection): void;
  /** A finite source (`file`, `stdin`) has no more; never called for endless ones. */
  ended(): void;
}

/** Where the samples of one slot come from. */
export interface Sensor {
  /** Starts delivering. Samples that nobody takes in time are dropped by the runtime, not here. */
  open(listener: SensorListener): void;
  /** Ends delivering; nothing is called after the completion. */
  close(): Promise<void>;
}
