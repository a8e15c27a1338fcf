import assert from 'node:assert/strict';
import { concentrationFor } from '../../../protocol/statistics/beta-binomial.js';
import {
  logEValueOfExcess,
  type EventComparison,
  type EventCounts,
} from '../../../protocol/statistics/rare-events.js';
import { requires } from '../../helpers/requires.js';
import { readVectors } from '../../helpers/vectors.js';
import { vectorCases } from './vectors.js';

/** Whether it is certain at this level that the ratio of rates is larger. */
function isExcess(
  counts: EventCounts,
  ratio: number,
  alpha: number,
  comparison: EventComparison,
): boolean {
  return logEValueOfExcess(counts, ratio, comparison) >= Math.log(1 / alpha);
}

describe('the test of rare events', () => {
  const rows = [
    { treatedShare: 0.5, optimalN: 10, stopAt: [5, 11, 14, 16, 19, 21, 23, 25, 27] },
    { treatedShare: 0.05, optimalN: 10, stopAt: [2, 2, 3, 3, 3, 4, 4, 4, 4] },
  ];
  for (const { treatedShare, optimalN, stopAt } of rows) {
    it(`stops a canary of share ${treatedShare} at the crashes of the table`, () => {
      const comparison = { treatedShare, concentration: concentrationFor(optimalN, 0.05) };
      for (const [control, treated] of stopAt.entries()) {
        assert.ok(isExcess({ treated, control }, 1, 0.05, comparison));
        assert.ok(!isExcess({ treated: treated - 1, control }, 1, 0.05, comparison));
      }
    });
  }

  it('says nothing before there is anything', () => {
    const comparison = { treatedShare: 0.5, concentration: 20 };
    assert.equal(logEValueOfExcess({ treated: 0, control: 0 }, 1, comparison), 0);
  });

  describe('beside the reference vectors', () => {
    before(function () {
      requires(this, 'shared');
    });

    it('has their table of crashes that stop a canary', () => {
      const cases = vectorCases<{
        t_opt_events: number;
        alpha: number;
        share_T: number;
        r0: number;
        sC: readonly number[];
        min_sT_to_stop: readonly number[];
      }>('crash_stop_table');
      for (const { t_opt_events, alpha, share_T, r0, sC, min_sT_to_stop } of cases) {
        const concentration = concentrationFor(t_opt_events, 0.05);
        const comparison = { treatedShare: share_T, concentration };
        for (const [i, control] of sC.entries()) {
          const treated = min_sT_to_stop[i] ?? 0;
          assert.ok(isExcess({ treated, control }, r0, alpha, comparison));
          const fewer = { treated: treated - 1, control };
          assert.ok(!isExcess(fewer, r0, alpha, comparison));
        }
      }
    });

    it('has their table of silent devices that are harm', () => {
      const { silence } = readVectors('evidence-vectors.json') as {
        silence: {
          rate_ratio: number;
          alpha: number;
          concentration: number;
          rows: readonly { treated_share: number; control: number; treated_that_is_harm: number }[];
        };
      };
      const { rate_ratio, alpha, concentration, rows } = silence;
      for (const { treated_share, control, treated_that_is_harm } of rows) {
        const isHarm = (treated: number): boolean =>
          logEValueOfExcess({ treated, control }, rate_ratio, {
            treatedShare: treated_share,
            concentration,
          }) >= Math.log(1 / alpha);
        assert.ok(isHarm(treated_that_is_harm));
        assert.ok(!isHarm(treated_that_is_harm - 1));
      }
    });
  });
});
