import assert from 'node:assert/strict';
import type { Pipeline } from '../../protocol/documents/pipeline.js';
import { checkChain, type ModelBorder } from '../../protocol/model-chain.js';

type Tensor = ModelBorder['inputs'][number];

const tensor = (elements: number, change: Partial<Tensor> = {}): Tensor => ({
  type: 'int8',
  shape: [1, elements],
  scale: 0.5,
  zeroPoint: -128,
  ...change,
});
const model = (input: Tensor, output: Tensor): ModelBorder => ({
  inputs: [input],
  outputs: [output],
});

const pipeline: Pipeline = {
  window: { frames: 100, stride: 100, channels: 2, sampleRateHz: undefined },
  normalise: { kind: 'none', multiply: 1, add: 0 },
  models: ['front', 'model'],
  decision: { kind: 'argmax' },
  // At 0, 20, 40, 60; one at 80 would end behind the window.
  frontEnd: { frames: 30, stride: 20 },
};
const front = model(tensor(60, { type: 'int16', scale: 0 }), tensor(7));
const behind = model(tensor(28), tensor(3));

describe('Models that follow on each other', () => {
  const detailOf = (models: readonly ModelBorder[], labels = 0, change = {}): string => {
    const checked = checkChain({ ...pipeline, ...change }, models, labels);
    if (checked.ok) return '';
    assert.equal(checked.rejection.code, 'pipeline-mismatch');
    return checked.rejection.detail;
  };

  it('fit where a front end puts out for all slices what the next takes', () => {
    assert.equal(detailOf([front, behind], 3), '');
    assert.equal(detailOf([front, behind]), '');
  });

  it('fit without a front end where each puts out what the next takes, whatever the types', () => {
    const wide = model(tensor(200, { type: 'float32', scale: 0 }), tensor(28, { type: 'uint8' }));
    assert.equal(detailOf([wide, behind], 3, { frontEnd: undefined }), '');
  });

  it('fit where the front end says nothing of its quantisation', () => {
    const raw = model(tensor(60), tensor(7, { scale: 0, zeroPoint: 0 }));
    assert.equal(detailOf([raw, behind]), '');
  });

  const refusals: readonly (readonly [what: string, models: readonly ModelBorder[], RegExp])[] = [
    [
      'the front end takes more than a slice',
      [model(tensor(62), tensor(7)), behind],
      /^a slice has 60 values, but model 1 takes 62$/,
    ],
    [
      'the features are not as many as the next takes',
      [model(tensor(60), tensor(8)), behind],
      /^model 1 puts out 4 times 8 values, but model 2 takes 28$/,
    ],
    [
      'the features are of another type',
      [model(tensor(60), tensor(7, { type: 'uint8' })), behind],
      /uint8 of scale 0.5 .*int8/,
    ],
    [
      'the features have another scale',
      [model(tensor(60), tensor(7, { scale: 0.25 })), behind],
      /scale 0.25 .*scale 0.5/,
    ],
    [
      'the features have another zero point',
      [model(tensor(60), tensor(7, { zeroPoint: 0 })), behind],
      /zero point 0, .*zero point -128/,
    ],
    [
      'one of them has two inputs',
      [front, { inputs: [tensor(28), tensor(1)], outputs: [tensor(3)] }],
      /one input and one output, not 2 and 1/,
    ],
    ['one of them has no output', [{ ...front, outputs: [] }, behind], /not 1 and 0/],
  ];
  for (const [what, models, detail] of refusals) {
    it(`are refused where ${what}`, () => {
      assert.match(detailOf(models), detail);
    });
  }

  it('fit where the first takes log-mel features of all slices', () => {
    const logMel = { bands: 7, lowHz: 0, highHz: 1, preEmphasis: 0, add: 0, multiply: 1 };
    const change = {
      window: { ...pipeline.window, channels: 1 },
      frontEnd: { frames: 30, stride: 20, logMel },
    };
    assert.equal(detailOf([behind], 3, change), '');
    const detail = /^4 slices of 7 bands have 28 values, but model 1 takes 60$/;
    assert.match(detailOf([front], 0, change), detail);
  });

  it('are refused where the labels are not as many as the last puts out', () => {
    assert.match(detailOf([front, behind], 4), /^4 labels for 3 output values$/);
  });
});
