import { checkText, refuseField, type Fields } from '../cbor/fields.js';
import type { CborValue } from '../cbor/value.js';
import { limits } from '../limits.js';

/** How a picture of any size becomes one of the size that a model takes. */
export interface Resize {
  readonly width: number;
  readonly height: number;
  /** `stretch` keeps all of it, and not its proportions; `crop` keeps the proportions, and not its edges. */
  readonly fit: 'stretch' | 'crop';
}

/** The shape of what a model sees at once: `frames` samples of `channels` values, one window every `stride` frames. */
export interface WindowShape {
  readonly frames: number;
  readonly stride: number;
  readonly channels: number;
  /** Where windows are pictures that come in any size; `frames` are its pixels. */
  readonly resize?: Resize | undefined;
}

/**
 * How raw samples become the real values that the model was trained on.
 *
 * - `none`: the values as they are.
 * - `remove-mean`: minus the mean of the channel over the window.
 * - `standardise`: that, divided by the root mean square of the window over all channels.
 *
 * All are then multiplied by `multiply`, and `add` is added.
 */
export interface Normalisation {
  readonly kind: 'none' | 'remove-mean' | 'standardise';
  readonly multiply: number;
  readonly add: number;
}

/**
 * Log-mel features of a slice, where no model makes them: y[i] = x[i] - preEmphasis x[i-1], a Hamming window, power by
 * the length of the slice, `bands` triangles on the mel scale between two frequencies, decibels; `add` is added, the sum multiplied by
 * `multiply` and cut to 0..1.
 */
export interface LogMel {
  readonly bands: number;
  readonly lowHz: number;
  readonly highHz: number;
  readonly preEmphasis: number;
  readonly add: number;
  readonly multiply: number;
}

/**
 * How a window becomes features: in slices, the first at its beginning. What the first model of the pipeline puts out for them, one
 * after the other, is the input of the next model.
 */
export interface FrontEnd {
  /** Frames of a slice. */
  readonly frames: number;
  /** Frames from the beginning of one slice to that of the next. */
  readonly stride: number;
  /**
   * How long its state lasts. `window`, also where absent: it begins anew with each, and an answer depends on its window
   * alone. `stream`: it goes on as long as windows follow on each other, and what it put out for slices that they share is kept.
   */
  readonly per?: 'window' | 'stream' | undefined;
  /** Where no model makes the features; then they are the input of the first model. */
  readonly logMel?: LogMel | undefined;
}

/** How the values of the last tensor become an answer. */
export interface DecisionRule {
  /** `argmax` names the class with the highest score, `none` passes all scores on. */
  readonly kind: 'argmax' | 'none';
  /** Below this score `argmax` abstains: the answer has no label. */
  readonly threshold?: number | undefined;
  /** Scores are the mean over the last so many windows; after a gap there is no answer before there are so many. */
  readonly average?: number | undefined;
}

/** From samples to an answer: part of the release, so that a new one can change it. */
export interface Pipeline {
  readonly window: WindowShape & {
    /** What the model was trained on; for people and simulators. */
    readonly sampleRateHz: number | undefined;
  };
  readonly normalise: Normalisation;
  /** Names of model artifacts; the output of one is the input of the next. */
  readonly models: readonly string[];
  readonly decision: DecisionRule;
  /** Where the first model is a front end; else it sees the window at once. */
  readonly frontEnd?: FrontEnd | undefined;
}

/** Whether the first model is a front end, and sees slices. */
export function hasFrontEndModel({ frontEnd }: Pick<Pipeline, 'frontEnd'>): boolean {
  return frontEnd !== undefined && frontEnd.logMel === undefined;
}

/** How many slices a window is seen in. */
export function slicesOf({ window, frontEnd }: Pick<Pipeline, 'window' | 'frontEnd'>): number {
  if (frontEnd === undefined) return 1;
  return 1 + Math.floor((window.frames - frontEnd.frames) / frontEnd.stride);
}

/** Kinds of normalisation, decision, fit and state, carried as their indices. */
export const normaliseKinds = ['none', 'remove-mean', 'standardise'] as const;
export const fitKinds = ['stretch', 'crop'] as const;
export const decisionKinds = ['none', 'argmax'] as const;
export const frontEndStates = ['window', 'stream'] as const;

/** Reads a pipeline. */
export function parsePipeline(fields: Fields): Pipeline {
  const window = fields.map(1, (shape) => ({
    frames: shape.integer(1, [1, limits.windowValues]),
    stride: shape.integer(2, [1, limits.windowValues]),
    channels: shape.integer(3, [1, limits.windowValues]),
    sampleRateHz: shape.optional(4, () => shape.number(4)),
    resize: shape.optional(5, () =>
      shape.map(5, (size) => ({
        width: size.integer(1, [1, limits.windowValues]),
        height: size.integer(2, [1, limits.windowValues]),
        fit: size.choice(3, fitKinds),
      })),
    ),
  }));
  if (window.frames * window.channels > limits.windowValues) {
    refuseField('manifest.11.1', `has more than ${limits.windowValues} values`);
  }
  const { resize } = window;
  if (resize !== undefined) {
    if (resize.width * resize.height !== window.frames) {
      refuseField('manifest.11.1.5', `is not of ${window.frames} pixels`);
    }
    if (window.channels !== 1 && window.channels !== 3) {
      refuseField('manifest.11.1.5', 'is of pictures, which have 1 or 3 channels');
    }
  }
  const models = fields.list(3, [1, limits.models], (item, path) =>
    checkText(item, [1, 64], undefined, path),
  );
  const frontEnd = fields.optional(5, () =>
    fields.map(5, (slice) => ({
      frames: slice.integer(1, [1, window.frames]),
      stride: slice.integer(2, [1, window.frames]),
      per: slice.optional(3, () => slice.choice(3, frontEndStates)),
      logMel: slice.optional(4, () => slice.map(4, parseLogMel)),
    })),
  );
  if (frontEnd !== undefined) {
    if (frontEnd.logMel !== undefined) checkLogMel(frontEnd.logMel, frontEnd.frames, window);
    else if (models.length < 2) refuseField('manifest.11.5', 'has no model behind it');
    const slices = slicesOf({ window, frontEnd });
    if (slices > limits.slices) {
      refuseField('manifest.11.5', `makes more than ${limits.slices} slices of a window`);
    }
    const fresh = window.stride / frontEnd.stride;
    if (frontEnd.per === 'stream' && !(Number.isInteger(fresh) && fresh <= slices)) {
      refuseField('manifest.11.5', `has ${fresh} new slices in a window, not 1 to ${slices}`);
    }
  }
  return {
    window,
    normalise: fields.map(2, (how) => ({
      kind: how.choice(1, normaliseKinds),
      multiply: how.number(2),
      add: how.number(3),
    })),
    models,
    decision: fields.map(4, (rule) => ({
      kind: rule.choice(1, decisionKinds),
      threshold: rule.optional(2, () => rule.number(2)),
      average: rule.optional(3, () => rule.integer(3, [2, limits.averagedAnswers])),
    })),
    frontEnd,
  };
}

function parseLogMel(fields: Fields): LogMel {
  return {
    bands: fields.integer(1, [1, limits.melBands]),
    lowHz: fields.number(2),
    highHz: fields.number(3),
    preEmphasis: fields.number(4),
    add: fields.number(5),
    multiply: fields.number(6),
  };
}

function checkLogMel({ lowHz, highHz }: LogMel, frames: number, window: Pipeline['window']): void {
  const { channels, sampleRateHz = 0 } = window;
  if (channels !== 1) refuseField('manifest.11.1.3', 'is not 1, as log-mel features need it');
  if (frames < 2 || frames > limits.logMelFrames || !Number.isInteger(Math.log2(frames))) {
    refuseField('manifest.11.5.1', `is no power of two from 2 to ${limits.logMelFrames}`);
  }
  if (!(lowHz >= 0 && lowHz < highHz && highHz <= sampleRateHz / 2)) {
    refuseField('manifest.11.5.4', 'has no band between 0 and half the sample rate of the window');
  }
}

/** A pipeline as it is carried. */
export function pipelineValue(pipeline: Pipeline): CborValue {
  const { window, normalise, models, decision, frontEnd } = pipeline;
  const { frames, stride, channels, sampleRateHz, resize } = window;
  const shape = new Map<number, CborValue>([
    [1, frames],
    [2, stride],
    [3, channels],
  ]);
  if (sampleRateHz !== undefined) shape.set(4, sampleRateHz);
  if (resize !== undefined) {
    shape.set(
      5,
      new Map([
        [1, resize.width],
        [2, resize.height],
        [3, fitKinds.indexOf(resize.fit)],
      ]),
    );
  }
  const rule = new Map<number, CborValue>([[1, decisionKinds.indexOf(decision.kind)]]);
  if (decision.threshold !== undefined) rule.set(2, decision.threshold);
  if (decision.average !== undefined) rule.set(3, decision.average);
  const value = new Map<number, CborValue>([
    [1, shape],
    [
      2,
      new Map([
        [1, normaliseKinds.indexOf(normalise.kind)],
        [2, normalise.multiply],
        [3, normalise.add],
      ]),
    ],
    [3, models],
    [4, rule],
  ]);
  if (frontEnd !== undefined) {
    const slice = new Map<number, CborValue>([
      [1, frontEnd.frames],
      [2, frontEnd.stride],
    ]);
    if (frontEnd.per !== undefined) slice.set(3, frontEndStates.indexOf(frontEnd.per));
    const { logMel } = frontEnd;
    if (logMel !== undefined) {
      const { bands, lowHz, highHz, preEmphasis, add, multiply } = logMel;
      const values = [bands, lowHz, highHz, preEmphasis, add, multiply];
      slice.set(4, new Map(values.map((each, i) => [i + 1, each])));
    }
    value.set(5, slice);
  }
  return value;
}
