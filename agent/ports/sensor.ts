import type { Resize } from '../../protocol/documents/pipeline.js';
import type { Rejection } from '../../protocol/result.js';

/** What a release takes of the source of its slot. */
export interface SampleForm {
  /** Values of a frame. */
  readonly channels: number;
  /** What it was trained on; undefined where nobody says. */
  readonly sampleRateHz: number | undefined;
  /** The size that pictures become; they come as they are where it is left out. */
  readonly resize?: Resize | undefined;
}

/** Samples on their way to the window. The array is the sensor's again when `samples` returns. */
export interface SensorListener {
  /**
   * Values of one message or read, in order: frame after frame, channel after channel within a frame. A
   * picture comes at once, row after row. Where a function comes back, enough windows wait for their
   * inference: a source that can wait calls it, and waits for what it gives.
   */
  samples(values: Float32Array, wallMs: number): (() => Promise<void>) | undefined;
  /** What comes next may not follow on what came before: samples may be missing in between. */
  interrupted(): void;
  /** An input was refused (wrong size, not JSON, no such field); the next one may be right. */
  refused(rejection: Rejection): void;
  /** A finite source (`file`, `stdin`) has no more; never called for endless ones. */
  ended(): void;
}

/** Where the samples of one slot come from. */
export interface Sensor {
  /** Starts delivering. Samples that nobody takes in time are dropped by the runtime, not here. */
  open(listener: SensorListener): void;
  /** A session with the broker began: a source that listens there subscribes anew. */
  sessionBegan?(): void;
  /** Ends delivering; nothing is called after the completion. */
  close(): PromiseLike<void>;
}
