import { accept, refuse, type Result } from './result.js';
import { hasFrontEndModel, slicesOf, type Pipeline } from './documents/pipeline.js';

/** A tensor at the border of a model, as far as it decides what fits. */
interface BorderTensor {
  readonly type: string;
  readonly shape: readonly number[];
  /** 0 where it is not quantised. */
  readonly scale: number;
  readonly zeroPoint: number;
}

/** What a model takes and puts out. */
export interface ModelBorder {
  readonly inputs: readonly BorderTensor[];
  readonly outputs: readonly BorderTensor[];
}

/**
 * Whether window, models and labels of a release fit together. Refuses with `pipeline-mismatch`.
 *
 * @param models in the order of the pipeline
 * @param labels how many there are; 0 for none
 */
export function checkChain(
  pipeline: Pipeline,
  models: readonly ModelBorder[],
  labels: number,
): Result<void> {
  const hasModel = hasFrontEndModel(pipeline);
  let given = seenByFirst(pipeline);
  let before: BorderTensor | undefined;
  for (const [i, { inputs, outputs }] of models.entries()) {
    const [input, output] = [inputs[0], outputs[0]];
    if (
      inputs.length !== 1 ||
      outputs.length !== 1 ||
      input === undefined ||
      output === undefined
    ) {
      return mismatch(
        `a pipeline takes models with one input and one output, not ${inputs.length} and ${outputs.length}`,
      );
    }
    const expected = elementsOf(input);
    if (given.elements !== expected) {
      return mismatch(`${given.what} values, but model ${i + 1} takes ${expected}`);
    }
    if (i === 1 && hasModel && before !== undefined && !isCarriedOver(before, input)) {
      return mismatch(
        `the front end puts out ${words(before)}, but the next model takes ${words(input)}`,
      );
    }
    before = output;
    const slices = i === 0 && hasModel ? slicesOf(pipeline) : 1;
    const times = slices === 1 ? '' : `${slices} times `;
    given = {
      what: `model ${i + 1} puts out ${times}${elementsOf(output)}`,
      elements: slices * elementsOf(output),
    };
  }
  if (labels > 0 && labels !== given.elements) {
    return mismatch(`${labels} labels for ${given.elements} output values`);
  }
  return accept(undefined);
}

/** What the first model sees: the window, a slice of it, or log-mel features of all slices. */
function seenByFirst(pipeline: Pipeline): { readonly what: string; readonly elements: number } {
  const { window, frontEnd } = pipeline;
  if (frontEnd?.logMel !== undefined) {
    const [slices, { bands }] = [slicesOf(pipeline), frontEnd.logMel];
    return {
      what: `${slices} slices of ${bands} bands have ${slices * bands}`,
      elements: slices * bands,
    };
  }
  const elements = (frontEnd ?? window).frames * window.channels;
  return { what: `${frontEnd === undefined ? 'the window' : 'a slice'} has ${elements}`, elements };
}

/**
 * What a front end puts out is taken as it is: it is made for the model behind it. Trainers often leave its quantisation away,
 * and then it is that of the input.
 */
function isCarriedOver(output: BorderTensor, input: BorderTensor): boolean {
  if (output.type !== input.type) return false;
  if (output.scale === 0) return true;
  return output.scale === input.scale && output.zeroPoint === input.zeroPoint;
}

function words({ type, scale, zeroPoint }: BorderTensor): string {
  return scale === 0 ? type : `${type} of scale ${scale} and zero point ${zeroPoint}`;
}

function elementsOf({ shape }: BorderTensor): number {
  return shape.reduce((product, size) => product * size, 1);
}

function mismatch(detail: string): Result<never> {
  return refuse('pipeline-mismatch', detail);
}
