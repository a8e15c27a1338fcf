import { slicesOf, type Pipeline } from '../../../protocol/documents/pipeline.js';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import { ask, type Process } from '../process.js';
import { quantise } from './quantisation.js';
import { invokeStage, type Stage } from './stage.js';

/** The least that is left of a deadline: one slice shows then that there is no time any more. */
const leastDeadlineMs = 1;

/**
 * Runs the front end of a pipeline on all slices of a window, from its initial state on. Gives the time in the engine, in
 * microseconds.
 *
 * @param window normalised values
 * @param features what it puts out, slice after slice: the input of the next model
 * @param deadlineMs what all slices together may take
 */
export function* runFrontEnd(
  stage: Stage,
  pipeline: Pipeline,
  window: Float32Array,
  features: Uint8Array,
  deadlineMs: number,
): Process<Result<number>> {
  const { frontEnd, window: shape } = pipeline;
  // What noise it has heard belongs to the window before.
  const reset = yield* ask('reset', { handle: stage.handle });
  if (!reset.ok) return reset;
  const length = stage.inputElements.length;
  const stride = (frontEnd?.stride ?? 0) * shape.channels;
  let latencyUs = 0;
  for (let slice = 0; slice < slicesOf(pipeline); slice++) {
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
