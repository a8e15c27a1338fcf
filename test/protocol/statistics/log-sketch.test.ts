import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LogSketch, type LogSketchShape } from '../../../protocol/statistics/log-sketch.js';
import { requires } from '../../helpers/requires.js';
import { assertClose, vectorCases } from './vectors.js';

const shape = { relativeError: 0.02, least: 0.001, most: 10_000 };

describe('LogSketch', () => {
  it('gives the quantiles of both signs and of zero', () => {
    const sketch = sketchOf([-5, -4, 1, 2, -10, -20, 3, 0], { ...shape, relativeError: 0.01 });
    const quantiles = [0, 0.5, 1].map((q) => sketch.quantile(q));
    assertClose(quantiles[0] ?? NaN, -19.8866702408665);
    assertClose(quantiles[1] ?? NaN, -4.01483533302861);
    assertClose(quantiles[2] ?? NaN, 2.97423342347672);
    assert.equal(sketch.quantile(4 / 7), 0);
  });

  it('is within the relative error of the value of that rank', () => {
    const inRange = fc.double({ min: shape.least, max: shape.most, noNaN: true });
    const signed = fc
      .tuple(inRange, fc.boolean())
      .map(([value, minus]) => (minus ? -value : value));
    const quantiles = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(signed, { minLength: 1, maxLength: 50 }), quantiles, (all, q) => {
        const exact = all.toSorted((a, b) => a - b)[Math.floor(q * (all.length - 1))] ?? NaN;
        const estimate = sketchOf(all).quantile(q) ?? NaN;
        assert.ok(Math.abs(estimate - exact) <= Math.abs(exact) * shape.relativeError * (1 + 1e-9));
      }),
    );
  });

  it('merges exactly: in any order and grouping to the sketch of all values', () => {
    fc.assert(
      fc.property(values(), values(), values(), (x, y, z) => {
        const all = sketchOf([...x, ...y, ...z]);
        const left = merged(merged(sketchOf(x), sketchOf(y)), sketchOf(z));
        const right = merged(sketchOf(z), merged(sketchOf(y), sketchOf(x)));
        assert.deepEqual(left, all);
        assert.deepEqual(right, all);
        assert.equal(all.count + all.notNumbers, x.length + y.length + z.length);
      }),
    );
  });

  it('has bins for the declared range only, whatever it is given', () => {
    const sketch = sketchOf([-1e300, Infinity, -1e-300, 1e-4, 5e-324, 20_000, NaN]);
    const largest = sketchOf([10_000]);
    assert.deepEqual([...sketch.positive], [[[...largest.positive.keys()][0], 2]]);
    assert.deepEqual([...sketch.negative], [[[...largest.positive.keys()][0], 1]]);
    assert.equal(sketch.zero, 3);
    assert.equal(sketch.notNumbers, 1);
    const bins = new LogSketch({ relativeError: 0.02, least: 1e-6, most: 1 });
    for (let value = 1e-6; value <= 1; value *= 1.01) bins.add(value);
    assert.ok(bins.positive.size <= 350, `${bins.positive.size}`);
  });

  it('counts without error what exceeds the edge of a bin', () => {
    const all = Array.from({ length: 500 }, (_, i) => 1 + i / 7);
    const sketch = sketchOf(all);
    for (const threshold of [1.5, 10, 42]) {
      const edge = sketch.upperEdge(threshold);
      assert.ok(edge >= threshold && edge < threshold * 1.05);
      assert.equal(sketch.countAbove(threshold), all.filter((value) => value > edge).length);
    }
  });

  it('has no quantile of nothing, and none of NaN', () => {
    assert.equal(sketchOf([]).quantile(0.5), undefined);
    assert.equal(sketchOf([NaN]).quantile(0.5), undefined);
  });

  it('does not merge with one of another shape', () => {
    assert.throws(() => merged(sketchOf([]), sketchOf([], { ...shape, most: 1 })));
  });

  describe('beside the reference vectors', () => {
    before(function () {
      requires(this, 'shared');
    });

    it('has their bins and quantiles, after a merge too', () => {
      const [latencies] = vectorCases<{
        alpha: number;
        data: number[];
        keys: Readonly<Record<string, number>>;
        zero: number;
        quantiles: readonly (readonly [number, number])[];
      }>('ddsketch');
      assert.ok(latencies);
      const { alpha, data, keys, zero, quantiles } = latencies;
      const wide = { ...shape, relativeError: alpha };
      const whole = sketchOf(data, wide);
      const parts = merged(sketchOf(data.slice(13), wide), sketchOf(data.slice(0, 13), wide));
      for (const sketch of [whole, parts]) {
        assert.deepEqual(Object.fromEntries(sketch.positive), keys);
        assert.equal(sketch.zero, zero);
        for (const [q, value] of quantiles) assertClose(sketch.quantile(q) ?? NaN, value);
      }
    });

    it('keeps negative values in a merge', () => {
      const [, signed] = vectorCases<{
        alpha: number;
        merge: readonly (readonly number[])[];
        count: number;
        [quantile: `q${number}`]: number;
      }>('ddsketch');
      assert.ok(signed);
      const wide = { ...shape, relativeError: signed.alpha };
      const sketch = signed.merge.map((part) => sketchOf(part, wide)).reduce(merged);
      assert.equal(sketch.count, signed.count);
      for (const q of [0, 0.5, 1]) assertClose(sketch.quantile(q) ?? NaN, signed[`q${q}`] ?? NaN);
    });
  });
});

function sketchOf(all: readonly number[], of: LogSketchShape = shape): LogSketch {
  const sketch = new LogSketch(of);
  for (const value of all) sketch.add(value);
  return sketch;
}

function merged(into: LogSketch, other: LogSketch): LogSketch {
  into.merge(other);
  return into;
}

function values(): fc.Arbitrary<number[]> {
  return fc.array(fc.oneof(fc.double(), fc.double({ min: -2, max: 2 })), { maxLength: 30 });
}
