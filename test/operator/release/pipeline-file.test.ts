import assert from 'node:assert/strict';
import type { TensorFacts } from '../../../agent/ports/engine.js';
import { defaultPipeline, parsePipelineFile } from '../../../operator/release/pipeline-file.js';

describe('A pipeline file', () => {
  const window = { frames: 256, channels: 3 };

  it('may say as little as the shape of a window', () => {
    assert.deepEqual(parsePipelineFile(JSON.stringify({ window }), ['m']), {
      window: {
        frames: 256,
        stride: 256,
        channels: 3,
        sampleRateHz: undefined,
        resize: undefined,
      },
      normalise: { kind: 'none', multiply: 1, add: 0 },
      models: ['m'],
      decision: { kind: 'argmax', threshold: undefined, average: undefined },
      frontEnd: undefined,
    });
  });

  it('takes the frames of pictures from the size that they become', () => {
    const resize = { width: 96, height: 64, fit: 'crop' };
    const file = JSON.stringify({ window: { channels: 1, resize } });
    const { window: parsed } = parsePipelineFile(file, ['m']);
    assert.deepEqual([parsed.frames, parsed.stride, parsed.resize], [6_144, 6_144, resize]);
    const short = { window: { channels: 1, resize: { width: 2, height: 3 } } };
    assert.equal(parsePipelineFile(JSON.stringify(short), ['m']).window.resize?.fit, 'stretch');
  });

  it('cuts a window for a front end, side by side where it says no more', () => {
    const parsed = (frontEnd: unknown): unknown =>
      parsePipelineFile(JSON.stringify({ window, frontEnd }), ['f', 'm']).frontEnd;
    const slices = { frames: 64, stride: 48 };
    const usual = { ...slices, per: 'window', logMel: undefined };
    assert.deepEqual(parsed(slices), usual);
    assert.deepEqual(parsed({ ...slices, per: 'stream' }), { ...usual, per: 'stream' });
    assert.deepEqual(parsed({ frames: 256 }), { ...usual, frames: 256, stride: 256 });
    const logMel = { bands: 40, highHz: 8000 };
    const whole = { ...logMel, lowHz: 0, preEmphasis: 0, add: 0, multiply: 1 };
    assert.deepEqual(parsed({ ...slices, logMel }), { ...usual, logMel: whole });
  });

  const refusals: readonly (readonly [what: string, file: unknown, named: RegExp])[] = [
    ['no window', {}, /window/],
    ['a window that is a list', { window: [] }, /window/],
    ['no frames', { window: { channels: 3 } }, /window\.frames/],
    ['no channels', { window: { frames: 3 } }, /window\.channels/],
    ['half a frame', { window: { ...window, frames: 1.5 } }, /window\.frames/],
    ['no stride at all', { window: { ...window, stride: 0 } }, /window\.stride/],
    ['a number in quotes', { window: { ...window, frames: '256' } }, /window\.frames/],
    ['a misspelt key', { window: { ...window, strde: 2 } }, /strde/],
    ['a key of nobody', { window, model: 'm' }, /model/],
    ['a normalisation that is none', { window, normalise: { kind: 'whiten' } }, /normalise\.kind/],
    ['a factor that is none', { window, normalise: { multiply: 'two' } }, /normalise\.multiply/],
    ['a decision that is none', { window, decision: { kind: 'softmax' } }, /decision\.kind/],
    ['a threshold that is none', { window, decision: { threshold: null } }, /decision\.threshold/],
    ['slices of nothing', { window, frontEnd: {} }, /frontEnd\.frames/],
    ['a slice longer than the window', { window, frontEnd: { frames: 257 } }, /frontEnd\.frames/],
    ['slices that stand still', { window, frontEnd: { frames: 1, stride: 0 } }, /frontEnd\.stride/],
    ['a state of nothing', { window, frontEnd: { frames: 1, per: 'day' } }, /frontEnd\.per/],
    [
      'bands without an end',
      { window, frontEnd: { frames: 1, logMel: { bands: 1 } } },
      /logMel\.highHz/,
    ],
    ['no bands', { window, frontEnd: { frames: 1, logMel: { highHz: 1 } } }, /logMel\.bands/],
    [
      'a log-mel key of nobody',
      { window, frontEnd: { frames: 1, logMel: { bands: 1, highHz: 1, mels: 1 } } },
      /mels/,
    ],
    ['a mean of half a window', { window, decision: { average: 0.5 } }, /decision\.average/],
    ['a front end with a step', { window, frontEnd: { frames: 1, step: 1 } }, /step/],
    [
      'a size without a height',
      { window: { channels: 1, resize: { width: 2 } } },
      /resize\.height/,
    ],
    [
      'a fit that is none',
      { window: { channels: 1, resize: { width: 2, height: 2, fit: 'pad' } } },
      /resize\.fit/,
    ],
    [
      'frames that are not the pixels',
      { window: { frames: 5, channels: 1, resize: { width: 2, height: 2 } } },
      /window\.frames/,
    ],
    ['a list', [], /file/],
    ['nothing', null, /file/],
  ];
  for (const [what, file, named] of refusals) {
    it(`is refused with the name of the key: ${what}`, () => {
      assert.throws(() => parsePipelineFile(JSON.stringify(file), ['m']), {
        code: 'pipeline-file-invalid',
        message: named,
      });
    });
  }

  it('is refused where it is not JSON', () => {
    assert.throws(() => parsePipelineFile('window: 3', ['m']), { code: 'pipeline-file-invalid' });
    assert.throws(() => parsePipelineFile('', ['m']), { code: 'pipeline-file-invalid' });
  });

  it('is refused where a number is too large to be one', () => {
    const file = '{"window": {"frames": 1, "channels": 1}, "normalise": {"multiply": 1e400}}';
    assert.throws(() => parsePipelineFile(file, ['m']), { code: 'pipeline-file-invalid' });
  });
});

describe('The default pipeline', () => {
  const facts = (shape: readonly number[], change: Partial<TensorFacts> = {}): TensorFacts => ({
    name: 'x',
    type: 'int8',
    shape,
    byteLength: shape.reduce((product, size) => product * size, 1),
    scale: 1 / 255,
    zeroPoint: -128,
    ...change,
  });

  /** What the tensor gets for a pixel: real = pixel * multiply + add, then quantised. */
  const quantisedPixel = (pixel: number, tensor: TensorFacts): number => {
    const { normalise } = defaultPipeline(tensor, ['m']);
    const real = pixel * normalise.multiply + normalise.add;
    return Math.round(real / tensor.scale) + tensor.zeroPoint;
  };

  for (const [what, tensor, least] of [
    ['int8 and zero point -128', facts([1, 96, 96, 1]), -128],
    ['int8 around zero', facts([1, 96, 96, 3], { scale: 2 / 255, zeroPoint: 0 }), -128],
    ['int8 with an odd zero point', facts([1, 28, 28, 1], { scale: 0.0186, zeroPoint: -5 }), -128],
    ['uint8', facts([1, 96, 96, 1], { type: 'uint8', zeroPoint: 0 }), 0],
    ['uint8 around its middle', facts([1, 96, 96, 3], { type: 'uint8', zeroPoint: 128 }), 0],
  ] as const) {
    it(`lays pixels from 0 to 255 over the whole range of the tensor: ${what}`, () => {
      for (const pixel of [0, 1, 127, 128, 254, 255])
        assert.equal(quantisedPixel(pixel, tensor), least + pixel);
    });
  }

  it('takes a picture for frames of its colours', () => {
    const { window } = defaultPipeline(facts([1, 32, 24, 3]), ['m']);
    assert.deepEqual([window.frames, window.stride, window.channels], [768, 768, 3]);
  });

  for (const [what, tensor] of [
    ['a vector', facts([1, 784])],
    ['a time series of three axes', facts([1, 256, 1, 3])],
    ['floats', facts([1, 96, 96, 1], { type: 'float32', scale: 0, zeroPoint: 0 })],
    ['a spectrogram with many channels', facts([1, 49, 10, 8])],
    ['several pictures', facts([2, 96, 96, 1])],
  ] as const) {
    it(`passes values on as they are where the input is no picture: ${what}`, () => {
      const pipeline = defaultPipeline(tensor, ['m']);
      assert.deepEqual(pipeline.normalise, { kind: 'none', multiply: 1, add: 0 });
      const { frames, channels } = pipeline.window;
      assert.deepEqual(
        [frames, channels],
        [1, tensor.shape.reduce((product, size) => product * size, 1)],
      );
    });
  }

  it('brings pictures of any size to that of the model where it is asked to', () => {
    const { window } = defaultPipeline(facts([1, 64, 96, 3]), ['m'], 'crop');
    assert.deepEqual(window.resize, { width: 96, height: 64, fit: 'crop' });
    assert.equal(window.frames, 64 * 96);
    assert.throws(() => defaultPipeline(facts([1, 960]), ['m'], 'crop'), {
      code: 'pipeline-mismatch',
    });
  });
});
