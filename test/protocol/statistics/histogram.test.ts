import assert from 'node:assert/strict';
import fc from 'fast-check';
import { equalEdges, Histogram } from '../../../protocol/statistics/histogram.js';

const tenths = equalEdges(0, 1, 10);

describe('Histogram', () => {
  const rows = [
    { name: 'a value below all edges in the first bin', value: -3, bin: 0 },
    { name: 'zero in the first bin', value: 0, bin: 0 },
    { name: 'an edge in the bin above it', value: 0.5, bin: 5 },
    { name: 'a value between two edges in their bin', value: 0.55, bin: 5 },
    { name: 'a confidence of one in the last bin', value: 1, bin: 9 },
    { name: 'infinity in the last bin', value: Infinity, bin: 9 },
  ];
  for (const { name, value, bin } of rows) {
    it(`counts ${name}`, () => {
      const expected = new Array<number>(10).fill(0);
      expected[bin] = 1;
      assert.deepEqual(histogramOf([value]).counts, expected);
    });
  }

  it('counts NaN apart', () => {
    const { counts, notNumbers } = histogramOf([NaN, 0.95]);
    assert.deepEqual(
      { counts, notNumbers },
      { counts: [0, 0, 0, 0, 0, 0, 0, 0, 0, 1], notNumbers: 1 },
    );
  });

  it('merges exactly: in any order and grouping to the histogram of all values', () => {
    fc.assert(
      fc.property(values(), values(), values(), (x, y, z) => {
        const all = histogramOf([...x, ...y, ...z]);
        const left = merged(merged(histogramOf(x), histogramOf(y)), histogramOf(z));
        const right = merged(histogramOf(z), merged(histogramOf(y), histogramOf(x)));
        assert.deepEqual(left, all);
        assert.deepEqual(right, all);
      }),
    );
  });

  it('does not merge with one of other edges', () => {
    assert.throws(() => merged(histogramOf([]), new Histogram([0.5])));
  });
});

function histogramOf(all: readonly number[]): Histogram {
  const histogram = new Histogram(tenths);
  for (const value of all) histogram.add(value);
  return histogram;
}

function merged(into: Histogram, other: Histogram): Histogram {
  into.merge(other);
  return into;
}

function values(): fc.Arbitrary<number[]> {
  return fc.array(fc.double({ min: -0.2, max: 1.2 }), { maxLength: 30 });
}
