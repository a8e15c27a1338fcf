import {
  slicesOf,
  type FrontEnd,
  type LogMel,
  type Pipeline,
} from '../../../protocol/documents/pipeline.js';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import { ask, type Process } from '../process.js';
import { LogMelFeatures } from './log-mel.js';
import { quantise } from './quantisation.js';
import { invokeStage, type Stage } from './stage.js';

/** The least that is left of a deadline: one slice shows then that there is no time any more. */
const leastDeadlineMs = 1;

/**
 * Runs the front end of a pipeline on the slices of a window that it has not seen yet: on all, from its initial state on, where
 * the window does not follow on the one before. Gives the time in the engine, in microseconds.
 *
 * @param window normalised values
 * @param features what it puts out, slice after slice: the input of the next model. Still as they were for the window before
 * @param step frames from the window before; undefined where there is none
 * @param deadlineMs what all slices together may take
 */
export function* runFrontEnd(
  stage: Stage,
  pipeline: Pipeline,
  window: Float32Array,
  features: Uint8Array,
  step: number | undefined,
  deadlineMs: number,
): Process<Result<number>> {
  const { frontEnd, window: shape } = pipeline;
  const slices = slicesOf(pipeline);
  const fresh = freshSlices(frontEnd, step, slices);
  if (fresh === undefined) {
    // What noise it has heard belongs to the window before.
    const reset = yield* ask('reset', { handle: stage.handle });
    if (!reset.ok) return reset;
  } else features.copyWithin(0, fresh * stage.outputBytes.length);
  const length = stage.inputElements.length;
  const stride = (frontEnd?.stride ?? 0) * shape.channels;
  let latencyUs = 0;
  for (let slice = slices - (fresh ?? slices); slice < slices; slice++) {
    const from = slice * stride;
    quantise(window.subarray(from, from + length), stage.input, stage.inputElements);
    const leftMs = Math.max(deadlineMs - latencyUs / 1000, leastDeadlineMs);
    const invoked = yield* invokeStage(stage, leftMs);
    if (!invoked.ok) return invoked;
    if (!invoked.value.hasOutput) {
      return refuse('pipeline-mismatch', `the front end has no output for slice ${slice + 1}`);
    }
    latencyUs += invoked.value.latencyUs;
    features.set(stage.outputBytes, slice * stage.outputBytes.length);
  }
  return accept(latencyUs);
}

/** The front end of a pipeline without a model for it. Its buffers are taken at construction. */
export class LogMelFrontEnd {
  readonly #frontEnd: FrontEnd;
  readonly #slices: number;
  readonly #bands: number;
  readonly #slicer: LogMelFeatures;
  readonly #features: Float32Array;

  constructor(pipeline: Pipeline, frontEnd: FrontEnd, logMel: LogMel) {
    this.#frontEnd = frontEnd;
    this.#slices = slicesOf(pipeline);
    this.#bands = logMel.bands;
    const { sampleRateHz = 0 } = pipeline.window;
    this.#slicer = new LogMelFeatures(logMel, frontEnd.frames, sampleRateHz);
    this.#features = new Float32Array(this.#slices * logMel.bands);
  }

  /**
   * The features of a window, valid until the next: those of slices that it shares with the window before are kept.
   *
   * @param window normalised values
   * @param step frames from the window before; undefined where there is none
   */
  features(window: Float32Array, step: number | undefined): Float32Array {
    const { frames, stride } = this.#frontEnd;
    const fresh = freshSlices(this.#frontEnd, step, this.#slices) ?? this.#slices;
    this.#features.copyWithin(0, fresh * this.#bands);
    for (let slice = this.#slices - fresh; slice < this.#slices; slice++) {
      const from = slice * stride;
      const into = this.#features.subarray(slice * this.#bands, (slice + 1) * this.#bands);
      this.#slicer.write(window.subarray(from, from + frames), into);
    }
    return this.#features;
  }
}

/** How many slices at the end of a window are new, where it goes on from the one before without a gap. */
function freshSlices(
  frontEnd: FrontEnd | undefined,
  step: number | undefined,
  slices: number,
): number | undefined {
  if (frontEnd?.per !== 'stream' || step === undefined) return undefined;
  const fresh = step / frontEnd.stride;
  return Number.isInteger(fresh) && fresh > 0 && fresh <= slices ? fresh : undefined;
}
