import assert from 'node:assert/strict';
import fc from 'fast-check';
import { logBetaAbove, logBetaBelow } from '../../../protocol/statistics/incomplete-beta.js';
import { assertClose } from './vectors.js';

describe('the incomplete beta function', () => {
  // Logarithms of both tails, computed with 60 digits by mpmath 1.3.
  const rows: readonly (readonly [
    x: number,
    a: number,
    b: number,
    below: number,
    above: number,
  ])[] = [
    [0.5, 0.5, 0.5, -0.6931471805599453, -0.6931471805599453],
    [0.05, 1.2, 22.8, -0.4907479963840431, -0.9471838561569254],
    [0.05, 13.2, 110.8, -4.913375522026687, -0.0073747711881954284],
    [0.001, 0.01, 10, -0.04095339651665733, -3.215727345809348],
    [0.3, 300, 300, -55.51608461330723, -7.756589277996821e-25],
    [0.5, 300, 300, -0.6931471805599453, -0.6931471805599453],
    [0.9, 300, 300, 0.0, -310.39098295681487],
    [0.99, 5000, 40, -2.8603961377909726, -0.05894998314735806],
    [0.02, 5, 5000, -5.864378675339576e-38, -85.7293369949886],
    [1e-6, 0.001, 0.001, -0.7069610475861722, -0.6795215392828049],
  ];
  for (const [x, a, b, below, above] of rows) {
    it(`has the tails of Beta(${a}, ${b}) below and above ${x}`, () => {
      assertClose(logBetaBelow(x, a, b), below, 1e-10);
      assertClose(logBetaAbove(x, a, b), above, 1e-10);
    });
  }

  it('has tails that add up to one, each no more than one', () => {
    const shapes = fc.double({ min: -3, max: 6, noNaN: true }).map((exponent) => 10 ** exponent);
    const points = fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true });
    fc.assert(
      fc.property(points, shapes, shapes, (x, a, b) => {
        const below = logBetaBelow(x, a, b);
        const above = logBetaAbove(x, a, b);
        assert.ok(below <= 0 && above <= 0);
        assertClose(Math.exp(below) + Math.exp(above), 1, 1e-9);
      }),
    );
  });
});
