import assert from 'node:assert/strict';
import {
  bytesText,
  durationText,
  linear,
  numberText,
  ticks,
  timeTicks,
} from '../../../simulator/report/scale.js';

describe('the scales of a report', () => {
  it('put values where they belong, also where all are the same', () => {
    assert.equal(linear([0, 10], [100, 0])(2.5), 75);
    assert.ok(Number.isFinite(linear([3, 3], [0, 100])(3)));
  });

  it('have round numbers within their ends', () => {
    assert.deepEqual(ticks(0, 20, 4), [0, 5, 10, 15, 20]);
    assert.deepEqual(ticks(-0.25, 0.25, 4), [-0.2, 0, 0.2]);
    assert.deepEqual(ticks(0, 0, 4), [0]);
  });

  it('count time as people do, for any duration', () => {
    assert.deepEqual(timeTicks(3_600_000, 9).map(durationText).slice(1, 3), ['10 min', '20 min']);
    for (const durationMs of [1, 500, 60_000, 7 * 86_400_000, 3_650 * 86_400_000]) {
      const count = timeTicks(durationMs, 9).length;
      assert.ok(count >= 1 && count <= 11, `${durationMs}: ${count}`);
    }
  });

  it('are in words of at most two units', () => {
    assert.deepEqual([0, 1_500, 90_000, 3_660_000, 90_000_000].map(durationText), [
      '0 s',
      '1.5 s',
      '1 min 30 s',
      '1 h 1 min',
      '1 d 1 h',
    ]);
    assert.deepEqual([7, 0.12345, 2_345_678].map(numberText), ['7', '0.123', '2.35 M']);
    assert.deepEqual([12, 1_500, 2_345_678].map(bytesText), ['12 B', '1.5 kB', '2.35 MB']);
  });
});
