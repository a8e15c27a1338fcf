import assert from 'node:assert/strict';
import { decide } from '../../../../agent/core/inference/decision.js';
import { normalise } from '../../../../agent/core/inference/normalise.js';
import { dequantise, elementsOf, quantise } from '../../../../agent/core/inference/quantisation.js';
import type { TensorFacts } from '../../../../agent/ports/engine.js';

describe('normalise', () => {
  const window = Float32Array.of(1, 10, 3, 30);
  const rows = [
    { kind: 'none', multiply: 2, add: 1, expected: [3, 21, 7, 61] },
    { kind: 'remove-mean', multiply: 2, add: 0, expected: [-2, -20, 2, 20] },
    { kind: 'standardise', multiply: Math.sqrt(50.5), add: 5, expected: [4, -5, 6, 15] },
  ] as const;
  for (const { expected, ...how } of rows) {
    it(`computes ${how.kind} channel by channel`, () => {
      const out = new Float32Array(4);
      normalise(window, 2, how, out);
      out.forEach((value, i) => {
        assert.ok(Math.abs(value - (expected[i] ?? NaN)) < 1e-5, `${out.join(' ')}`);
      });
    });
  }

  it('keeps silence finite when it standardises', () => {
    const out = new Float32Array(4);
    normalise(new Float32Array(4).fill(7), 2, { kind: 'standardise', multiply: 1, add: 0 }, out);
    assert.deepEqual([...out], [0, 0, 0, 0]);
  });
});

describe('quantise', () => {
  const int8: TensorFacts = {
    name: 'x',
    type: 'int8',
    shape: [1, 7],
    byteLength: 7,
    scale: 0.5,
    zeroPoint: -1,
  };

  it('rounds half away from zero, saturates, and takes NaN for the zero point', () => {
    const bytes = new Uint8Array(7);
    quantise(
      Float32Array.of(0, 0.25, -0.25, 0.24, 1000, -1000, NaN),
      int8,
      elementsOf('int8', bytes),
    );
    assert.deepEqual([...new Int8Array(bytes.buffer)], [-1, 0, -2, -1, 127, -128, -1]);
  });

  it('is undone by dequantise up to half a step', () => {
    const bytes = new Uint8Array(7);
    const elements = elementsOf('int8', bytes);
    quantise(Float32Array.of(0, 0.5, 1, -3, 10, 20.2, -20.2), int8, elements);
    const values = new Float32Array(7);
    dequantise(elements, int8, values);
    assert.deepEqual([...values], [0, 0.5, 1, -3, 10, 20, -20]);
  });

  it('passes floats through', () => {
    const facts: TensorFacts = { ...int8, type: 'float32', byteLength: 8, scale: 0, zeroPoint: 0 };
    const elements = elementsOf('float32', new Uint8Array(8));
    quantise(Float32Array.of(1.5, -2.5), facts, elements);
    assert.deepEqual([...elements], [1.5, -2.5]);
  });
});

describe('decide', () => {
  const labels = ['normal', 'imbalance', 'looseness'];
  const rows = [
    { name: 'names the class with the highest score', scores: [0.1, 0.7, 0.2], label: 'imbalance' },
    { name: 'takes the first of equal scores', scores: [0.4, 0.4, 0.2], label: 'normal' },
    { name: 'never lets NaN win', scores: [NaN, 0.1, 0.2], label: 'looseness' },
    {
      name: 'abstains below the threshold',
      scores: [0.3, 0.3, 0.4],
      threshold: 0.5,
      label: undefined,
    },
    { name: 'names nothing where all scores are NaN', scores: [NaN, NaN, NaN], label: undefined },
  ];
  for (const { name, scores, label, threshold } of rows) {
    it(name, () => {
      const decision = decide(Float32Array.from(scores), labels, { kind: 'argmax', threshold });
      assert.equal(decision.label, label);
    });
  }

  it('uses the index in digits where there are no labels', () => {
    assert.equal(decide(Float32Array.of(0, 1), [], { kind: 'argmax' }).label, '1');
  });
});
