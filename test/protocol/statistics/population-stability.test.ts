import assert from 'node:assert/strict';
import {
  populationStability,
  populationStabilityLimit,
  populationStabilityPValue,
} from '../../../protocol/statistics/population-stability.js';
import { requires } from '../../helpers/requires.js';
import { assertClose, vectorCases } from './vectors.js';

describe('the population stability index', () => {
  const reference = [120, 180, 240, 260, 120, 80];
  const current = [90, 150, 230, 290, 150, 90];

  it('has the reference value, limit and chance', () => {
    const psi = populationStability(reference, current);
    assertClose(psi, 0.0255005664994);
    assertClose(populationStabilityLimit(1000, 1000, 6, 0.01), 0.0301725449388);
    assertClose(populationStabilityPValue(psi, 1000, 1000, 6), 0.0258347137673);
  });

  it('is zero for the same counts and the same from either side', () => {
    assert.equal(populationStability(reference, reference), 0);
    assertClose(
      populationStability(reference, current),
      populationStability(current, reference),
      1e-15,
    );
  });

  it('is finite where a bin is empty', () => {
    assertClose(populationStability([0, 50, 50], [5, 45, 50]), 0.123258930203);
  });

  it('never alarms on nothing', () => {
    assert.equal(populationStabilityLimit(1000, 0, 6, 0.01), Infinity);
    assert.ok(Number.isFinite(populationStability(reference, [0, 0, 0, 0, 0, 0])));
  });

  it('has a limit that samples exceed with exactly the chance asked for', () => {
    for (const alpha of [0.1, 0.01, 1e-6]) {
      const limit = populationStabilityLimit(300, 5000, 10, alpha);
      assertClose(populationStabilityPValue(limit, 300, 5000, 10) / alpha, 1);
    }
  });

  it('does not compare counts of other bins', () => {
    assert.throws(() => populationStability([1, 2], [1, 2, 3]));
  });

  describe('beside the reference vectors', () => {
    before(function () {
      requires(this, 'shared');
    });

    it('has their values', () => {
      const cases = vectorCases<{
        ref_counts?: number[];
        cur_counts?: number[];
        psi: number;
        psi_threshold_99?: number;
        psi_p_value?: number;
      }>('divergences');
      let compared = 0;
      for (const { ref_counts, cur_counts, psi, psi_threshold_99, psi_p_value } of cases) {
        if (ref_counts === undefined || cur_counts === undefined) continue;
        compared++;
        assertClose(populationStability(ref_counts, cur_counts), psi);
        const [n, m] = [ref_counts, cur_counts].map((each) => each.reduce((a, b) => a + b)) as [
          number,
          number,
        ];
        const bins = ref_counts.length;
        if (psi_threshold_99 !== undefined)
          assertClose(populationStabilityLimit(n, m, bins, 0.01), psi_threshold_99);
        if (psi_p_value !== undefined)
          assertClose(populationStabilityPValue(psi, n, m, bins), psi_p_value);
      }
      assert.equal(compared, 2);
    });
  });
});
