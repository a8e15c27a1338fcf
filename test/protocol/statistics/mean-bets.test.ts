import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  betsAgainstAtLeast,
  betsAgainstAtMost,
  logWealth,
  lowerMean,
  upperMean,
  type LossCount,
} from '../../../protocol/statistics/mean-bets.js';
import { requires } from '../../helpers/requires.js';
import { readVectors } from '../../helpers/vectors.js';
import { assertClose } from './vectors.js';

interface MeanOfUnits {
  readonly name: string;
  readonly d: readonly number[];
  readonly B: number;
  readonly ln_e_mean_is_at_least_0_02: number;
  readonly ln_e_mean_is_at_most_0_01: number;
  readonly upper_at_0_05: number;
  readonly lower_at_0_025: number;
}

interface MeanOfWindows extends Omit<MeanOfUnits, 'name' | 'd' | 'B'> {
  readonly b: number;
  readonly c: number;
  readonly n: number;
}

interface Vectors {
  readonly mean_of_units: readonly MeanOfUnits[];
  readonly mean_of_windows: readonly MeanOfWindows[];
}

const each = (losses: readonly number[]): readonly LossCount[] =>
  losses.map((loss) => ({ loss, count: 1 }));

/** Loses of a few blocks, as fractions of ten windows. */
const blocks = fc.array(
  fc.integer({ min: -10, max: 10 }).map((lost) => lost / 10),
  { maxLength: 40 },
);

describe('bets on a mean', () => {
  it('know nothing before the first unit', () => {
    assert.equal(logWealth(betsAgainstAtLeast([], 0.02)), 0);
    assert.equal(upperMean([], 0.05), 1);
    assert.equal(lowerMean([], 0.05), -1);
  });

  it('give the same value in any order', () => {
    fc.assert(
      fc.property(blocks, (losses) => {
        const reversed = [...losses].reverse();
        const [one, other] = [losses, reversed].map((some) =>
          logWealth(betsAgainstAtLeast(each(some), 0.02)),
        );
        assertClose(other ?? NaN, one ?? NaN, 1e-12);
      }),
    );
  });

  it('add up over devices, and are taken away again', () => {
    fc.assert(
      fc.property(blocks, blocks, (some, others) => {
        const [a, b, both] = [some, others, [...some, ...others]].map((losses) =>
          betsAgainstAtMost(each(losses), 0.01),
        );
        both?.forEach((sum, j) => {
          assertClose((a?.[j] ?? NaN) + (b?.[j] ?? NaN), sum, 1e-12);
          assertClose(sum - (b?.[j] ?? NaN), a?.[j] ?? NaN, 1e-9);
        });
      }),
    );
  });

  it('count equal losses once with the same result', () => {
    const listed = betsAgainstAtLeast(each([0.1, 0.1, 0.1, -0.2]), 0.02);
    const counted = betsAgainstAtLeast(
      [
        { loss: 0.1, count: 3 },
        { loss: -0.2, count: 1 },
      ],
      0.02,
    );
    listed.forEach((sum, j) => {
      assertClose(counted[j] ?? NaN, sum, 1e-12);
    });
  });

  it('have bounds that agree with the tests', () => {
    fc.assert(
      fc.property(blocks, (losses) => {
        const upper = upperMean(each(losses), 0.05);
        if (upper >= 0.999) return;
        const limit = Math.log(20);
        assert.ok(logWealth(betsAgainstAtLeast(each(losses), upper)) >= limit);
        assert.ok(logWealth(betsAgainstAtLeast(each(losses), upper - 1e-9)) < limit + 1e-6);
      }),
    );
  });

  describe('beside the reference vectors', () => {
    before(function () {
      requires(this, 'shared');
    });

    const compare = (
      expected: Omit<MeanOfUnits, 'name' | 'd'>,
      losses: readonly LossCount[],
    ): void => {
      const { B } = expected;
      const atLeast = logWealth(betsAgainstAtLeast(losses, 0.02, B));
      const atMost = logWealth(betsAgainstAtMost(losses, 0.01, B));
      assertClose(atLeast, expected.ln_e_mean_is_at_least_0_02, 1e-9);
      assertClose(atMost, expected.ln_e_mean_is_at_most_0_01, 1e-9);
      assert.ok(Math.abs(upperMean(losses, 0.05, B) - expected.upper_at_0_05) <= 1e-9);
      assert.ok(Math.abs(lowerMean(losses, 0.025, B) - expected.lower_at_0_025) <= 1e-9);
    };

    it('have their evidence and bounds of units', () => {
      const { mean_of_units } = readVectors('evidence-vectors.json') as Vectors;
      assert.ok(mean_of_units.length >= 16);
      for (const expected of mean_of_units) compare(expected, each(expected.d));
    });

    it('have their evidence and bounds of single windows', () => {
      const { mean_of_windows } = readVectors('evidence-vectors.json') as Vectors;
      assert.ok(mean_of_windows.length >= 6);
      for (const { b, c, n, ...expected } of mean_of_windows) {
        const losses = [
          { loss: 1, count: b },
          { loss: -1, count: c },
          { loss: 0, count: n - b - c },
        ];
        compare({ B: 1, ...expected }, losses);
      }
    });
  });
});
