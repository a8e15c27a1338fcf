import assert from 'node:assert/strict';
import fc from 'fast-check';
import { concentrationFor } from '../../../protocol/statistics/beta-binomial.js';
import {
  eventsToStop,
  logEValueOfExcess,
  logEValueOfRatio,
  rateRatioInterval,
  rateRatioLowerBound,
  rateRatioUpperBound,
  treatedChance,
} from '../../../protocol/statistics/rare-events.js';
import { requires } from '../../helpers/requires.js';
import { assertClose, vectorCases } from './vectors.js';

describe('the test of rare events', () => {
  const rows = [
    { treatedShare: 0.5, optimalN: 10, stopAt: [5, 11, 14, 16, 19, 21, 23, 25, 27] },
    { treatedShare: 0.05, optimalN: 10, stopAt: [2, 2, 3, 3, 3, 4, 4, 4, 4] },
  ];
  for (const { treatedShare, optimalN, stopAt } of rows) {
    it(`stops a canary of share ${treatedShare} at the crashes of the table`, () => {
      const comparison = { treatedShare, concentration: concentrationFor(optimalN, 0.05) };
      const found = stopAt.map((_, control) => eventsToStop(control, 1, 0.05, comparison));
      assert.deepEqual(found, stopAt);
    });
  }

  it('has the reference e-value and interval', () => {
    const events = { treated: 8, control: 10 };
    const comparison = { treatedShare: 0.1, concentration: concentrationFor(30, 0.05) };
    assertClose(logEValueOfRatio(events, 1, comparison), 4.66984145524);
    const { lower, upper } = rateRatioInterval(events, 0.05, comparison);
    assertClose(lower, 1.40726445);
    assertClose(upper, 32.6643344);
  });

  it('knows no upper bound while the control has had one event at most', () => {
    const comparison = { treatedShare: 0.5, concentration: concentrationFor(30, 0.05) };
    assert.equal(rateRatioInterval({ treated: 9, control: 1 }, 0.05, comparison).upper, Infinity);
    assert.equal(rateRatioInterval({ treated: 0, control: 0 }, 0.05, comparison).lower, 0);
  });

  it('expects of the treated their share of the events, times the ratio of rates', () => {
    assert.equal(treatedChance(1, 0.25), 0.25);
    assertClose(treatedChance(3, 0.25), 0.5, 1e-15);
  });

  it('exceeds a ratio exactly where the one-sided bound does', () => {
    const counts = fc.record({ treated: fc.nat(60), control: fc.nat(60) });
    const ratios = fc.double({ min: 0.05, max: 20, noNaN: true });
    const shares = fc.double({ min: 0.01, max: 0.99, noNaN: true });
    fc.assert(
      fc.property(counts, ratios, shares, (events, ratio, treatedShare) => {
        const comparison = { treatedShare, concentration: concentrationFor(30, 0.05) };
        const lower = rateRatioLowerBound(events, 0.05, comparison);
        if (Math.abs(ratio - lower) < 1e-6) return;
        const harm = logEValueOfExcess(events, ratio, comparison) >= Math.log(20);
        assert.equal(harm, lower > ratio);
      }),
    );
  });

  it('has an upper bound that is the lower bound of the exchanged arms, turned over', () => {
    const concentration = concentrationFor(30, 0.05);
    const upper = rateRatioUpperBound({ treated: 3, control: 40 }, 0.05, {
      treatedShare: 0.2,
      concentration,
    });
    const lower = rateRatioLowerBound({ treated: 40, control: 3 }, 0.05, {
      treatedShare: 0.8,
      concentration,
    });
    assertClose(upper, 1 / lower, 1e-12);
  });

  describe('beside the reference vectors', () => {
    before(function () {
      requires(this, 'shared');
    });

    it('has their e-values and intervals of the rate ratio', () => {
      const cases = vectorCases<{
        sT: number;
        sC: number;
        share_T: number;
        r0: number;
        t_opt_events: number;
        logE: number;
        ratio_cs95: readonly [number, number | 'Infinity'];
      }>('rate_ratio_conditional');
      for (const { sT, sC, share_T, r0, t_opt_events, logE, ratio_cs95 } of cases) {
        const events = { treated: sT, control: sC };
        const concentration = concentrationFor(t_opt_events, 0.05);
        const comparison = { treatedShare: share_T, concentration };
        assertClose(logEValueOfRatio(events, r0, comparison), logE);
        const { lower, upper } = rateRatioInterval(events, 0.05, comparison);
        assertClose(lower, ratio_cs95[0]);
        assertClose(upper, Number(ratio_cs95[1]));
      }
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
        const found = sC.map((control) => eventsToStop(control, r0, alpha, comparison));
        assert.deepEqual(found, min_sT_to_stop);
      }
    });
  });
});
