import assert from 'node:assert/strict';
import {
  candidateDeadlineMs,
  judgeFailure,
  Punctuality,
} from '../../../../agent/core/experiment/punctuality.js';
import { refuse } from '../../../../protocol/result.js';

const late = refuse('engine-deadline', 'no answer within 250 ms').rejection;

describe('The punctuality of a candidate', () => {
  /** The first late answer after which it is given up, where every nth one is late; 0 for never. */
  const givenUpAfter = (
    every: number,
    champion: { readonly successes: number; readonly n: number },
    windows = 1_000,
  ): number => {
    const candidate = new Punctuality();
    for (let window = 1; window <= windows; window++) {
      if (window % every !== 0) candidate.answered();
      else if (judgeFailure(late, candidate, champion) !== undefined) return window / every;
    }
    return 0;
  };

  it('gives up at once what trapped or lost its instance', () => {
    for (const code of ['engine-trapped', 'engine-gone'] as const) {
      const { rejection } = refuse(code, 'as it is');
      const candidate = new Punctuality();
      assert.equal(judgeFailure(rejection, candidate, { successes: 0, n: 100 }), rejection);
      assert.deepEqual(candidate.counts, { successes: 0, n: 0 });
    }
  });

  for (const [what, every, champion, atLeast, atMost] of [
    [
      'a hang at every window, beside a champion of long standing',
      1,
      { successes: 0, n: 1_000 },
      3,
      5,
    ],
    [
      'a hang at every window, beside a champion of ten windows',
      1,
      { successes: 0, n: 10 },
      10,
      20,
    ],
    ['a hang at every window, without a champion', 1, { successes: 0, n: 0 }, 5, 15],
    [
      'a tenth of its windows late, beside a champion that never is',
      10,
      { successes: 0, n: 1_000 },
      4,
      15,
    ],
    ['a tenth of its windows late, as with the champion', 10, { successes: 100, n: 1_000 }, 0, 0],
    ['every window late, as with the champion', 1, { successes: 50, n: 50 }, 0, 0],
    [
      'one window in a hundred late, which is what a margin is for',
      100,
      { successes: 0, n: 1_000 },
      0,
      0,
    ],
  ] as const) {
    it(`gives up ${atMost === 0 ? 'never' : `after ${atLeast} to ${atMost} late answers`}: ${what}`, () => {
      const after = givenUpAfter(every, champion);
      assert.ok(after >= atLeast && after <= atMost, `after ${after}`);
    });
  }
});

describe('The time that a candidate has for a window', () => {
  for (const [what, budget, periodMs, expected] of [
    [
      'is its own deadline where that is short',
      { deadlineUs: 250_000, expectedUs: 60 },
      1_000,
      250,
    ],
    ['is half of the period', { deadlineUs: 10_000_000, expectedUs: 60 }, 1_000, 500],
    [
      'is ten times what it took where it was built',
      { deadlineUs: 7_500_000, expectedUs: 150_000 },
      1_000,
      1_500,
    ],
  ] as const) {
    it(what, () => {
      assert.equal(candidateDeadlineMs(budget, periodMs), expected);
    });
  }
});
