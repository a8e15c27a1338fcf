import type { Handle, ModelFacts } from '../../ports/engine.js';
import { checkChain } from '../../../protocol/model-chain.js';
import type { Manifest } from '../../../protocol/documents/manifest.js';
import { hasFrontEndModel, type WindowShape } from '../../../protocol/documents/pipeline.js';
import { ask, type Process } from '../process.js';
import { accept, type Result } from '../../../protocol/result.js';
import type { StoredRelease } from '../state/record.js';
import { Classes } from './classes.js';
import { decide, type Decision } from './decision.js';
import { normalise } from './normalise.js';
import { dequantise, quantise } from './quantisation.js';
import { createStage, invokeStage, type Stage } from './stage.js';
import { LogMelFrontEnd, runFrontEnd } from './front-end.js';
import { SlidingMean } from './sliding-mean.js';
import { framesBetween, type WindowPlace } from './window.js';

/** A model of a release in an instance of its own. */
export interface LoadedModel {
  readonly handle: Handle;
  readonly facts: ModelFacts;
}

/** What a window turned out to be, with the scores behind it. */
export interface Answer extends Decision {
  /** Dequantised values of the last output, or their mean over the last windows; valid until the next window. */
  readonly scores: Float32Array;
  /** Time in the engine, over all models. */
  readonly latencyUs: number;
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
  readonly #logMel: LogMelFrontEnd | undefined;
  readonly #mean: SlidingMean | undefined;
  /** Of the window before, where all that the models keep of it is whole. */
  #before: WindowPlace | undefined;

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
    const { frontEnd } = manifest.pipeline;
    if (frontEnd?.logMel !== undefined) {
      this.#logMel = new LogMelFrontEnd(manifest.pipeline, frontEnd, frontEnd.logMel);
    }
    const { average } = manifest.pipeline.decision;
    if (average !== undefined) {
      this.#mean = new SlidingMean(average, stages.at(-1)?.outputValues.length ?? 0);
    }
  }

  /** Refuses with `pipeline-mismatch` where window, models and labels do not fit together. */
  static create(
    stored: StoredRelease,
    manifest: Manifest,
    models: readonly LoadedModel[],
    labels: readonly string[],
  ): Result<LoadedRelease> {
    const borders = models.map(({ facts }) => facts);
    const fits = checkChain(manifest.pipeline, borders, labels.length);
    if (!fits.ok) return fits;
    const stages: Stage[] = [];
    for (const model of models) {
      const stage = createStage(model.handle, model.facts);
      if (!stage.ok) return stage;
      stages.push(stage.value);
    }
    return accept(new LoadedRelease(stored, manifest, models, labels, stages));
  }

  /**
   * Answers one window of raw samples; gives none where one of its models, or the mean of scores, waits for more windows.
   * Refuses with what the engine said.
   *
   * @param place what it follows on: a release may remember the window before
   * @param deadlineMs what each of its models may take; a front end for all slices together
   */
  *answer(
    window: Float32Array,
    place: WindowPlace,
    deadlineMs: number,
  ): Process<Result<Answer | undefined>> {
    const { pipeline } = this.manifest;
    const step = framesBetween(this.#before, place);
    this.#before = undefined;
    normalise(window, pipeline.window.channels, pipeline.normalise, this.#normalised);
    const fed = yield* this.#feed(step, deadlineMs);
    if (!fed.ok) return fed;
    let latencyUs = fed.value;
    let values = this.#normalised;
    for (const [i, stage] of this.#stages.entries()) {
      if (i === 0 && hasFrontEndModel(pipeline)) continue;
      const invoked = yield* invokeStage(stage, deadlineMs);
      if (!invoked.ok) return invoked;
      if (!invoked.value.hasOutput) {
        this.#before = place;
        return accept(undefined);
      }
      latencyUs += invoked.value.latencyUs;
      dequantise(stage.outputElements, stage.output, stage.outputValues);
      values = stage.outputValues;
      const next = this.#stages[i + 1];
      if (next !== undefined) quantise(values, next.input, next.inputElements);
    }
    this.#before = place;
    if (this.#mean !== undefined) {
      if (!isSequel(step, pipeline.window)) this.#mean.clear();
      if (!this.#mean.add(values)) return accept(undefined);
      values = this.#mean.values;
    }
    const decision = decide(values, this.#labels, pipeline.decision);
    return accept({ ...decision, scores: values, latencyUs });
  }

  /** The same models and buffers under another manifest, for a release with the same image. */
  under(stored: StoredRelease, manifest: Manifest): LoadedRelease {
    return new LoadedRelease(stored, manifest, this.models, this.#labels, this.#stages);
  }

  /** Brings the window to the first model, or through the front end to the second. Gives the time in the engine. */
  *#feed(step: number | undefined, deadlineMs: number): Process<Result<number>> {
    const [first, second] = this.#stages;
    const { pipeline } = this.manifest;
    if (first === undefined) return accept(0);
    if (!hasFrontEndModel(pipeline) || second === undefined) {
      const seen = this.#logMel?.features(this.#normalised, step) ?? this.#normalised;
      quantise(seen, first.input, first.inputElements);
      return accept(0);
    }
    return yield* runFrontEnd(
      first,
      pipeline,
      this.#normalised,
      second.inputBytes,
      step,
      deadlineMs,
    );
  }

  /** Ends the instances of its models. */
  *unload(): Process<void> {
    for (const { handle } of this.models) yield* ask('unload', { handle });
  }
}

/** Whether a window goes on from the one before, or a few between them were left out. */
function isSequel(step: number | undefined, { frames, stride }: WindowShape): boolean {
  return step !== undefined && step > 0 && step <= Math.max(frames, stride);
}
