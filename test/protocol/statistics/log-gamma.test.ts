import { logBeta } from '../../../protocol/statistics/log-beta.js';
import { logGamma } from '../../../protocol/statistics/log-gamma.js';
import { assertClose } from './vectors.js';

// Computed with 40 digits by mpmath 1.3.

describe('logGamma', () => {
  const rows: readonly (readonly [x: number, expected: number])[] = [
    [1e-6, 13.815509980749432],
    [0.5, 0.5723649429247001],
    [1, 0.0],
    [1.5, -0.12078223763524522],
    [2, 0.0],
    [9.99, 12.779315214350193],
    [10, 12.801827480081469],
    [123.25, 468.6144829505166],
    [1e6, 12815504.569147611],
  ];
  for (const [x, expected] of rows) {
    it(`of ${x} is right to the last digits`, () => {
      assertClose(logGamma(x), expected, 1e-14);
    });
  }
});

describe('logBeta', () => {
  const rows: readonly (readonly [a: number, b: number, expected: number])[] = [
    [1e-6, 0.3, 13.815513483267532],
    [0.5, 0.5, 1.1447298858494002],
    [3, 9.5, -6.351866910579232],
    [0.25, 1e6, -2.1658550210429834],
    [12, 12, -16.6020598760166],
    [40, 1e6, -445.9894420476577],
    [1e6, 1e6, -1386300.003362921],
  ];
  for (const [a, b, expected] of rows) {
    it(`of ${a} and ${b} is right to the last digits, in either order`, () => {
      assertClose(logBeta(a, b), expected, 1e-14);
      assertClose(logBeta(b, a), expected, 1e-14);
    });
  }
});
