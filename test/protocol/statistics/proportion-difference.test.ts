import assert from 'node:assert/strict';
import { concentrationFor } from '../../../protocol/statistics/beta-binomial.js';
import { differenceInterval } from '../../../protocol/statistics/proportion-difference.js';
import { requires } from '../../helpers/requires.js';
import { assertClose, vectorCases } from './vectors.js';

describe('the difference of two proportions', () => {
  it('has the reference interval', () => {
    const treated = { successes: 60, n: 500 };
    const control = { successes: 20, n: 500 };
    const { lower, upper } = differenceInterval(
      treated,
      control,
      0.05,
      concentrationFor(500, 0.05),
    );
    assertClose(lower, 0.00240069936);
    assertClose(upper, 0.155571058);
  });

  it('is the negative of that of the exchanged arms', () => {
    const one = { successes: 7, n: 90 };
    const other = { successes: 30, n: 400 };
    const there = differenceInterval(one, other, 0.05, 20);
    const back = differenceInterval(other, one, 0.05, 20);
    assert.equal(there.lower, -back.upper);
    assert.equal(there.upper, -back.lower);
  });

  it('says nothing before there is anything', () => {
    const none = { successes: 0, n: 0 };
    assert.deepEqual(differenceInterval(none, none, 0.05, 20), { lower: -1, upper: 1 });
  });

  describe('beside the reference vectors', () => {
    before(function () {
      requires(this, 'shared');
    });

    it('has their intervals', () => {
      const cases = vectorCases<{
        sT: number;
        nT: number;
        sC: number;
        nC: number;
        alpha: number;
        t_opt: number;
        lower: number;
        upper: number;
      }>('diff_union_cs');
      for (const { sT, nT, sC, nC, alpha, t_opt, lower, upper } of cases) {
        const interval = differenceInterval(
          { successes: sT, n: nT },
          { successes: sC, n: nC },
          alpha,
          concentrationFor(t_opt, alpha),
        );
        assertClose(interval.lower, lower);
        assertClose(interval.upper, upper);
      }
    });
  });
});
