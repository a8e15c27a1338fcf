import { refuse, accept, type Result } from '../../../protocol/result.js';
import type { Handle, Invoked, ModelFacts, TensorFacts } from '../../ports/engine.js';
import { ask, type Process } from '../process.js';
import { elementsOf, isElementType } from './quantisation.js';

/** Buffers and facts of one model of a chain. */
export interface Stage {
  readonly handle: Handle;
  readonly input: TensorFacts;
  readonly output: TensorFacts;
  readonly inputBytes: Uint8Array;
  readonly outputBytes: Uint8Array;
  readonly inputElements: ReturnType<typeof elementsOf>;
  readonly outputElements: ReturnType<typeof elementsOf>;
  readonly outputValues: Float32Array;
}

/** Takes the buffers of a model with one input and one output. Refuses with `pipeline-mismatch`. */
export function createStage(handle: Handle, { inputs, outputs }: ModelFacts): Result<Stage> {
  const [input, output] = [inputs[0], outputs[0]];
  if (input === undefined || output === undefined) {
    return refuse('pipeline-mismatch', 'a pipeline takes models with one input and one output');
  }
  if (!isElementType(input.type) || !isElementType(output.type)) {
    return refuse('pipeline-mismatch', `${input.type} to ${output.type} cannot be carried`);
  }
  const inputBytes = new Uint8Array(input.byteLength);
  const outputBytes = new Uint8Array(output.byteLength);
  const outputElements = elementsOf(output.type, outputBytes);
  return accept({
    handle,
    input,
    output,
    inputBytes,
    outputBytes,
    inputElements: elementsOf(input.type, inputBytes),
    outputElements,
    outputValues: new Float32Array(outputElements.length),
  });
}

/** One inference from the stage's input to its output. */
export function* invokeStage(stage: Stage, deadlineMs: number): Process<Result<Invoked>> {
  const { handle, inputBytes: input, outputBytes: output } = stage;
  return yield* ask('invoke', { handle, input, output, deadlineMs });
}
