import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Tails } from '../../../../agent/core/drift/tails.js';

describe('the tails of a row', () => {
  it('have its outer quantiles exactly, in any order, also when taken up again', () => {
    const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
      minLength: 1,
      maxLength: 600,
    });
    fc.assert(
      fc.property(values, fc.nat(600), (all, cut) => {
        let tails = new Tails(8);
        for (const [i, value] of all.entries()) {
          if (i === cut) tails = Tails.of(8, tails.count, tails);
          tails.add(value);
        }
        const sorted = all.toSorted((a, b) => a - b);
        for (const q of [0, 0.01, 0.99]) {
          assert.equal(tails.quantile(q), sorted[Math.floor(q * sorted.length)]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('do not know what is in the middle', () => {
    const tails = new Tails(4);
    for (let i = 0; i < 100; i++) tails.add(i);
    assert.equal(tails.quantile(0.5), undefined);
    assert.equal(tails.quantile(0.03), 3);
    assert.equal(tails.quantile(0.96), 96);
    assert.equal(new Tails(4).quantile(0.01), undefined);
  });
});
