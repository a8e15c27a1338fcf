import type { Handle, ModelFacts, TensorFacts } from '../../ports/engine.js';
import type { Manifest } from '../../../protocol/documents/manifest.js';
import { ask, type Process } from '../process.js';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import type { StoredRelease } from '../state/record.js';
import { Classes } from './classes.js';
import { decide, type Decision } from './decision.js';
import { normalise } from './normalise.js';
import { dequantise, elementsOf, isElementType, quantise } from './quantisation.js';

/** A model of a release in an instance of its own. */
export interface LoadedModel {
  readonly handle: Handle;
  readonly facts: ModelFacts;
}

/** What a window turned out to be, with the scores behind it. */
export interface Answer extends Decision {
  /** Dequantised values of the last output; valid until the next window. */
  readonly scores: Float32Array;
  /** Time in the engine, over all models. */
  readonly latencyUs: number;
}

/** Buffers and facts of one model of the chain. */
interface Stage {
  readonly handle: Handle;
  readonly input: TensorFacts;
  readonly output: TensorFacts;
  readonly inputBytes: Uint8Array;
  readonly outputBytes: Uint8Array;
  readonly inputElements: ReturnType<typeof elementsOf>;
  readonly outputElements: ReturnType<typeof elementsOf>;
  readonly outputValues: Float32Array;
}

/**
 * A release that can answer windows: its models are loaded and all buffers taken. It answers one window
 * at a time.
 */
export class LoadedRelease {
  readonly stored: StoredRelease;
  readonly manifest: Manifest;
  readonly models: readonly LoadedModel[];
  /** What it can say of a window. */
  readonly classes: Classes;
  readonly #labels: readonly string[];
  readonly #stages: readonly Stage[];
  readonly #normalised: Float32Array;

  private constructor(
    stored: StoredRelease,
    manifest: Manifest,
    models: readonly LoadedModel[],
    labels: readonly string[],
    stages: readonly Stage[],
  ) {
    this.stored = stored;
    this.manifest = manifest;
    this.models = models;
    this.#labels = labels;
    this.#stages = stages;
    const decides = manifest.pipeline.decision.kind !== 'none';
    this.classes = new Classes(decides ? (stages.at(-1)?.outputValues.length ?? 0) : 0, labels);
    const { frames, channels } = manifest.pipeline.window;
    this.#normalised = new Float32Array(frames * channels);
  }

  /** Refuses with `pipeline-mismatch` where window, models and labels do not fit together. */
  static create(
    stored: StoredRelease,
    manifest: Manifest,
    models: readonly LoadedModel[],
    labels: readonly string[],
  ): Result<LoadedRelease> {
    const { window } = manifest.pipeline;
    let elements = window.frames * window.channels;
    const stages: Stage[] = [];
    for (const [i, model] of models.entries()) {
      const stage = createStage(model);
      if (!stage.ok) return stage;
      const expected = stage.value.inputElements.length;
      if (expected !== elements) {
        const what = i === 0 ? 'the window has' : `model ${i} puts out`;
        return refuse(
          'pipeline-mismatch',
          `${what} ${elements} values, but model ${i + 1} takes ${expected}`,
        );
      }
      stages.push(stage.value);
      elements = stage.value.outputValues.length;
    }
    if (labels.length > 0 && labels.length !== elements) {
      return refuse('pipeline-mismatch', `${labels.length} labels for ${elements} output values`);
    }
    return accept(new LoadedRelease(stored, manifest, models, labels, stages));
  }

  /**
   * Answers one window of raw samples; gives none where one of its models waits for more windows. Refuses with what the
   * engine said.
   *
   * @param deadlineMs what each of its models may take
   */
  *answer(window: Float32Array, deadlineMs: number): Process<Result<Answer | undefined>> {
    const { pipeline } = this.manifest;
    normalise(window, pipeline.window.channels, pipeline.normalise, this.#normalised);
    let values = this.#normalised;
    let latencyUs = 0;
    for (const stage of this.#stages) {
      quantise(values, stage.input, stage.inputElements);
      const invoked = yield* ask('invoke', {
        handle: stage.handle,
        input: stage.inputBytes,
        output: stage.outputBytes,
        deadlineMs,
      });
      if (!invoked.ok) return invoked;
      if (!invoked.value.hasOutput) return accept(undefined);
      latencyUs += invoked.value.latencyUs;
      dequantise(stage.outputElements, stage.output, stage.outputValues);
      values = stage.outputValues;
    }
    const decision = decide(values, this.#labels, pipeline.decision);
    return accept({ ...decision, scores: values, latencyUs });
  }

  /** The same models and buffers under another manifest, for a release with the same image. */
  under(stored: StoredRelease, manifest: Manifest): LoadedRelease {
    return new LoadedRelease(stored, manifest, this.models, this.#labels, this.#stages);
  }

  /** Ends the instances of its models. */
  *unload(): Process<void> {
    for (const { handle } of this.models) yield* ask('unload', { handle });
  }
}

function createStage({ handle, facts }: LoadedModel): Result<Stage> {
  const [input, ...moreInputs] = facts.inputs;
  const [output, ...moreOutputs] = facts.outputs;
  if (input === undefined || output === undefined || moreInputs.length + moreOutputs.length > 0) {
    return refuse(
      'pipeline-mismatch',
      `a pipeline takes models with one input and one output, not ${facts.inputs.length} and ${facts.outputs.length}`,
    );
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
