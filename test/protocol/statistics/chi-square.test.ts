import assert from 'node:assert/strict';
import { chiSquareAbove, chiSquareQuantile } from '../../../protocol/statistics/chi-square.js';
import { assertClose } from './vectors.js';

describe('the chi-square distribution', () => {
  // Computed with 40 digits by mpmath 1.3.
  const rows: readonly (readonly [alpha: number, degrees: number, quantile: number])[] = [
    [0.05, 1, 3.841458820694126],
    [0.01, 9, 21.665994333461924],
    [0.01, 19, 36.190869129270055],
    [1e-9, 5, 50.69219370154303],
    [0.95, 3, 0.3518463177492716],
    [0.05, 100, 124.34211340400408],
  ];
  for (const [alpha, degrees, quantile] of rows) {
    it(`of ${degrees} degrees exceeds ${quantile.toFixed(3)} with chance ${alpha}`, () => {
      assertClose(chiSquareQuantile(alpha, degrees), quantile, 1e-12);
      assertClose(chiSquareAbove(quantile, degrees) / alpha, 1, 1e-12);
    });
  }

  it('is never below zero', () => {
    assert.equal(chiSquareAbove(0, 5), 1);
  });
});
