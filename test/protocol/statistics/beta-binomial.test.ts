import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  concentrationFor,
  logEValue,
  logEValueAbove,
  lowerBound,
  upperBound,
  type BernoulliCounts,
} from '../../../protocol/statistics/beta-binomial.js';
import { requires } from '../../helpers/requires.js';
import { assertClose, vectorCases } from './vectors.js';

describe('the e-value of a Bernoulli stream', () => {
  const rows = [
    { successes: 0, n: 0, p0: 0.05, optimalN: 200, both: 0, above: 0 },
    {
      ...{ successes: 12, n: 100, p0: 0.05, optimalN: 200 },
      ...{ both: 1.95705011313, above: 2.89564168476 },
    },
    {
      ...{ successes: 980, n: 1000, p0: 0.99, optimalN: 1000 },
      ...{ both: 2.08618609653, above: -2.78221457823 },
    },
  ];
  for (const { successes, n, p0, optimalN, both, above } of rows) {
    it(`of ${successes} in ${n} against ${p0} is the reference`, () => {
      const concentration = concentrationFor(optimalN, 0.05);
      assertClose(logEValue({ successes, n }, p0, concentration), both);
      assertClose(logEValueAbove({ successes, n }, p0, concentration), above);
    });
  }

  it('is a martingale: on average the next observation changes nothing where p = p0', () => {
    fc.assert(
      fc.property(counts(), chance(), concentration(), ({ successes, n }, p0, kappa) => {
        for (const logE of [logEValue, logEValueAbove]) {
          const now = logE({ successes, n }, p0, kappa);
          const afterSuccess = logE({ successes: successes + 1, n: n + 1 }, p0, kappa);
          const afterFailure = logE({ successes, n: n + 1 }, p0, kappa);
          const expected =
            p0 * Math.exp(afterSuccess - now) + (1 - p0) * Math.exp(afterFailure - now);
          assertClose(expected, 1, 1e-7);
        }
      }),
    );
  });

  it('grows with a success and falls with a failure where larger p is bet on', () => {
    fc.assert(
      fc.property(counts(), chance(), concentration(), ({ successes, n }, p0, kappa) => {
        const now = logEValueAbove({ successes, n }, p0, kappa);
        assert.ok(logEValueAbove({ successes: successes + 1, n: n + 1 }, p0, kappa) > now);
        assert.ok(logEValueAbove({ successes, n: n + 1 }, p0, kappa) < now);
      }),
    );
  });

  it('is a number for a million devices, however far from the hypothesis', () => {
    const above = logEValueAbove({ successes: 200_000, n: 1_000_000 }, 0.05, 100);
    const below = logEValueAbove({ successes: 1000, n: 1_000_000 }, 0.05, 100);
    assert.ok(above > 1000 && Number.isFinite(above));
    assert.ok(below < -5 && Number.isFinite(below));
  });
});

describe('the bounds of a Bernoulli stream', () => {
  it('has one-sided bounds where the one-sided evidence begins', () => {
    fc.assert(
      fc.property(counts(), chance(), concentration(), (observed, p, kappa) => {
        const lower = lowerBound(observed, 0.05, kappa);
        const upper = upperBound(observed, 0.05, kappa);
        if (Math.min(Math.abs(p - lower), Math.abs(p - upper)) < 1e-9) return;
        const enough = Math.log(1 / 0.05);
        assert.equal(logEValueAbove(observed, p, kappa) >= enough, p < lower);
        assert.equal(logEValueAbove(mirrored(observed), 1 - p, kappa) >= enough, p > upper);
      }),
    );
  });

  describe('and the e-values beside the reference vectors', () => {
    before(function () {
      requires(this, 'shared');
    });

    it('reproduce the e-values of the hypotheses', () => {
      const cases = vectorCases<{
        s: number;
        n: number;
        p0: number;
        t_opt: number;
        kappa: number;
        logE_two_sided: number;
        logE_greater: number;
      }>('bb_log_evalue');
      for (const { s, n, p0, t_opt, kappa, ...expected } of cases) {
        const observed = { successes: s, n };
        const concentration = concentrationFor(t_opt, 0.05);
        assertClose(concentration, kappa);
        assertClose(logEValue(observed, p0, concentration), expected.logE_two_sided);
        assertClose(logEValueAbove(observed, p0, concentration), expected.logE_greater);
      }
    });

    it('follow a stream and stop where the reference stops', () => {
      const [stream] = vectorCases<{
        x: string;
        points: readonly {
          n: number;
          s: number;
          'logE_greater_p0_.05': number;
          always_valid_p: number;
        }[];
        'first_n_with_E>=20': number;
      }>('bb_trajectory');
      assert.ok(stream);
      const concentration = concentrationFor(100, 0.05);
      const points = new Map(stream.points.map((point) => [point.n, point]));
      let observed: BernoulliCounts = { successes: 0, n: 0 };
      let most = 0;
      let stoppedAt: number | undefined;
      for (const digit of stream.x) {
        observed = { successes: observed.successes + Number(digit), n: observed.n + 1 };
        const logE = logEValueAbove(observed, 0.05, concentration);
        most = Math.max(most, logE);
        if (logE >= Math.log(20)) stoppedAt ??= observed.n;
        const point = points.get(observed.n);
        if (point === undefined) continue;
        assert.equal(observed.successes, point.s);
        assertClose(logE, point['logE_greater_p0_.05']);
        assertClose(Math.exp(-most), point.always_valid_p);
      }
      assert.equal(stoppedAt, stream['first_n_with_E>=20']);
    });
  });
});

function mirrored({ successes, n }: BernoulliCounts): BernoulliCounts {
  return { successes: n - successes, n };
}

function counts(): fc.Arbitrary<BernoulliCounts> {
  return fc
    .tuple(fc.nat(300), fc.nat(300))
    .map(([successes, failures]) => ({ successes, n: successes + failures }));
}

function chance(): fc.Arbitrary<number> {
  return fc.double({ min: 0.001, max: 0.999, noNaN: true });
}

function concentration(): fc.Arbitrary<number> {
  return fc.integer({ min: 1, max: 5000 }).map((optimalN) => concentrationFor(optimalN, 0.05));
}
