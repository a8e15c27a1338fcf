import { CodedError } from '../../protocol/coded-error.js';
import {
  decisionKinds,
  fitKinds,
  frontEndStates,
  normaliseKinds,
  type FrontEnd,
  type LogMel,
  type Pipeline,
  type Resize,
} from '../../protocol/documents/pipeline.js';
import type { TensorFacts } from '../../agent/ports/engine.js';

/**
 * Reads a pipeline from JSON: `{"window": {"frames", "stride"?, "channels", "sampleRateHz"?, "resize"?: {"width", "height", "fit"?}},
 * "normalise"?: {"kind", "multiply"?, "add"?}, "frontEnd"?: {"frames", "stride"?, "per"?, "logMel"?: {"bands", "lowHz"?, "highHz", "preEmphasis"?, "add"?, "multiply"?}}, "decision"?: {"kind", "threshold"?, "average"?}}`. Throws
 * `pipeline-file-invalid`, naming the key. With `resize`, `frames` may be left out: they are its pixels.
 */
export function parsePipelineFile(text: string, models: readonly string[]): Pipeline {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalid('the file', `is not JSON: ${error instanceof Error ? error.message : ''}`);
  }
  const file = keysOf(json, 'the file', ['window', 'normalise', 'frontEnd', 'decision']);
  const window = keysOf(file['window'], 'window', [
    'frames',
    'stride',
    'channels',
    'sampleRateHz',
    'resize',
  ]);
  const resize = parseResize(window['resize']);
  const normalise = keysOf(file['normalise'] ?? {}, 'normalise', ['kind', 'multiply', 'add']);
  const decision = keysOf(file['decision'] ?? {}, 'decision', ['kind', 'threshold', 'average']);
  const pixels = resize === undefined ? undefined : resize.width * resize.height;
  const frames = count(window['frames'] ?? pixels, 'window.frames');
  if (pixels !== undefined && frames !== pixels) {
    throw invalid('window.frames', `must be ${pixels}, the pixels of window.resize, or left out`);
  }
  return {
    window: {
      frames,
      stride: count(window['stride'] ?? frames, 'window.stride'),
      channels: count(window['channels'], 'window.channels'),
      sampleRateHz: optionalNumber(window['sampleRateHz'], 'window.sampleRateHz'),
      resize,
    },
    normalise: {
      kind: choice(normalise['kind'] ?? 'none', normaliseKinds, 'normalise.kind'),
      multiply: optionalNumber(normalise['multiply'], 'normalise.multiply') ?? 1,
      add: optionalNumber(normalise['add'], 'normalise.add') ?? 0,
    },
    models,
    decision: {
      kind: choice(decision['kind'] ?? 'argmax', decisionKinds, 'decision.kind'),
      threshold: optionalNumber(decision['threshold'], 'decision.threshold'),
      average: optionalCount(decision['average'], 'decision.average'),
    },
    frontEnd: parseFrontEnd(file['frontEnd'], frames),
  };
}

/**
 * A pipeline for a model that comes without one: a window is one frame of all input values. For the input
 * of a picture, `[1, height, width, 1 or 3]` quantised to eight bits, pixel values from 0 to 255 are laid
 * over the whole range of the tensor; other values reach the model as they are.
 *
 * @param fit how pictures of any size become one of the model's; throws `pipeline-mismatch` where it takes none
 */
export function defaultPipeline(
  input: TensorFacts,
  models: readonly string[],
  fit?: Resize['fit'],
): Pipeline {
  const elements = input.shape.reduce((product, size) => product * size, 1);
  const [batch, height = 0, width = 0, depth = 0] = input.shape;
  const isPicture =
    input.shape.length === 4 &&
    batch === 1 &&
    height > 1 &&
    width > 1 &&
    (depth === 1 || depth === 3) &&
    input.scale > 0 &&
    (input.type === 'int8' || input.type === 'uint8');
  if (fit !== undefined && !isPicture) {
    const what = `the model takes ${input.type} of ${input.shape.join(' x ')}, which is no picture`;
    throw new CodedError('pipeline-mismatch', what);
  }
  const resize = fit === undefined ? undefined : { width, height, fit };
  const channels = isPicture ? depth : elements;
  const frames = isPicture ? height * width : 1;
  // real = scale * (quantised - zeroPoint), and pixel 0 is to be the least quantised value.
  const least = input.type === 'int8' ? -128 : 0;
  return {
    window: { frames, stride: frames, channels, sampleRateHz: undefined, resize },
    normalise: isPicture
      ? { kind: 'none', multiply: input.scale, add: input.scale * (least - input.zeroPoint) }
      : { kind: 'none', multiply: 1, add: 0 },
    models,
    decision: { kind: 'argmax', threshold: undefined, average: undefined },
    frontEnd: undefined,
  };
}

function parseFrontEnd(value: unknown, windowFrames: number): FrontEnd | undefined {
  if (value === undefined) return undefined;
  const slice = keysOf(value, 'frontEnd', ['frames', 'stride', 'per', 'logMel']);
  const frames = count(slice['frames'], 'frontEnd.frames');
  if (frames > windowFrames) {
    throw invalid('frontEnd.frames', `must be at most ${windowFrames}, the frames of the window`);
  }
  return {
    frames,
    stride: count(slice['stride'] ?? frames, 'frontEnd.stride'),
    per: choice(slice['per'] ?? 'window', frontEndStates, 'frontEnd.per'),
    logMel: parseLogMel(slice['logMel']),
  };
}

function parseLogMel(value: unknown): LogMel | undefined {
  if (value === undefined) return undefined;
  const known = ['bands', 'lowHz', 'highHz', 'preEmphasis', 'add', 'multiply'];
  const how = keysOf(value, 'frontEnd.logMel', known);
  const number = (key: string, usual: number): number =>
    optionalNumber(how[key], `frontEnd.logMel.${key}`) ?? usual;
  if (how['highHz'] === undefined) throw invalid('frontEnd.logMel.highHz', 'is missing');
  return {
    bands: count(how['bands'], 'frontEnd.logMel.bands'),
    lowHz: number('lowHz', 0),
    highHz: number('highHz', 0),
    preEmphasis: number('preEmphasis', 0),
    add: number('add', 0),
    multiply: number('multiply', 1),
  };
}

function parseResize(value: unknown): Resize | undefined {
  if (value === undefined) return undefined;
  const resize = keysOf(value, 'window.resize', ['width', 'height', 'fit']);
  return {
    width: count(resize['width'], 'window.resize.width'),
    height: count(resize['height'], 'window.resize.height'),
    fit: choice(resize['fit'] ?? 'stretch', fitKinds, 'window.resize.fit'),
  };
}

function keysOf(
  value: unknown,
  path: string,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(path, 'must be an object');
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw invalid(path, `has the unknown key ${unknown}; allowed: ${known.join(', ')}`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function count(value: unknown, path: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw invalid(path, 'must be a whole number above 0');
}

function optionalCount(value: unknown, path: string): number | undefined {
  return value === undefined ? undefined : count(value, path);
}

function optionalNumber(value: unknown, path: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw invalid(path, 'must be a number');
}

function choice<T extends string>(value: unknown, choices: readonly T[], path: string): T {
  const found = choices.find((each) => each === value);
  if (found === undefined) throw invalid(path, `must be one of ${choices.join(', ')}`);
  return found;
}

function invalid(path: string, what: string): CodedError {
  return new CodedError('pipeline-file-invalid', `${path} ${what}`);
}
