import assert from 'node:assert/strict';
import { spreadShare } from '../../../protocol/assignment/spread.js';

/** Chi-square of so many ids over the seconds of a minute; 59 degrees of freedom. */
function chiSquare(ids: readonly string[]): number {
  const seconds = new Array<number>(60).fill(0);
  for (const id of ids) {
    const second = Math.floor(spreadShare(id) * 60);
    seconds[second] = (seconds[second] ?? 0) + 1;
  }
  const expected = ids.length / 60;
  return seconds.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

describe('The share of a device in a period', () => {
  const rows = [
    ['counted', (i: number) => `sim-${String(i).padStart(4, '0')}`],
    ['serial', (i: number) => `press-${(i * 7_919).toString(16)}`],
    ['long', (i: number) => `${'hall'.repeat(20)}/${i}`],
  ] as const;
  for (const [name, idOf] of rows) {
    it(`is spread evenly over 10,000 ${name} ids`, () => {
      const ids = Array.from({ length: 10_000 }, (_, i) => idOf(i));
      // Exceeded by chance once in a thousand times.
      assert.ok(chiSquare(ids) < 98.3, String(chiSquare(ids)));
    });
  }

  it('is the same one for ever, and below one', () => {
    const words = ['', 'press-7', 'sim-0001'].map((id) => spreadShare(id) * 2 ** 32);
    assert.deepEqual(words, [1_957_581_041, 3_948_013_750, 930_795_133]);
    for (let i = 0; i < 10_000; i++) {
      const share = spreadShare(String(i));
      assert.ok(share >= 0 && share < 1);
    }
  });
});
