import assert from 'node:assert/strict';
import { SlidingMean } from '../../../../agent/core/inference/sliding-mean.js';

describe('The mean of scores', () => {
  it('is there after so many windows, and is of the last so many', () => {
    const mean = new SlidingMean(3, 2);
    const added = [3, 6, 9, 12].map((value) =>
      mean.add(Float32Array.of(value, -value)) ? [...mean.values] : undefined,
    );
    assert.deepEqual(added, [undefined, undefined, [6, -6], [9, -9]]);
  });

  it('begins anew where it was cleared', () => {
    const mean = new SlidingMean(2, 1);
    mean.add(Float32Array.of(100));
    mean.clear();
    assert.equal(mean.add(Float32Array.of(2)), false);
    assert.equal(mean.add(Float32Array.of(4)), true);
    assert.deepEqual([...mean.values], [3]);
  });
});
