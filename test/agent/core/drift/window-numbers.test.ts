import assert from 'node:assert/strict';
import { WindowNumbers } from '../../../../agent/core/drift/window-numbers.js';

describe('the numbers of a window', () => {
  it('are mean and ln rms about it of each channel, and the share at the ends of the scale', () => {
    const numbers = new WindowNumbers({ channels: 2, scale: [-8, 8] });
    numbers.compute(Float32Array.of(1, -8, 3, 8, 1, 8, 3, -9));
    const [first, second, rms, otherRms, share] = numbers.values;
    assert.deepEqual([first, second, share], [2, -0.25, 0.5]);
    assert.equal(rms, 0);
    assert.ok(Math.abs((otherRms ?? 0) - Math.log(Math.sqrt((62 + 2 / 3 + 209) / 4))) < 0.1);
    assert.equal(numbers.count, 5);
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((number) => numbers.nameOf(number)),
      [
        'mean of channel 1',
        'mean of channel 2',
        'rms of channel 1',
        'rms of channel 2',
        'share of values at the end of the scale',
      ],
    );
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((number) => numbers.leastWidth(number)),
      [0.01, 0.01, 0.05, 0.05, 0.01],
    );
  });

  it('are finite for a channel that stands still, and none where a value is none', () => {
    const numbers = new WindowNumbers({ channels: 1, scale: undefined });
    numbers.compute(Float32Array.of(4, 4, 4));
    assert.ok(numbers.values.every((value) => Number.isFinite(value)));
    numbers.compute(Float32Array.of(4, NaN, 4));
    assert.ok(Number.isNaN(numbers.values[0]));
    assert.ok(Number.isNaN(numbers.values[1]));
  });

  it('are those of the first sixteen channels, of however many', () => {
    assert.equal(new WindowNumbers({ channels: 4_096, scale: undefined }).count, 33);
  });
});
