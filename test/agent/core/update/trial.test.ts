import { shortestTrial } from '../../../../protocol/documents/policy.js';
import assert from 'node:assert/strict';
import { progressMs, Trial } from '../../../../agent/core/update/trial.js';

const minuteMs = 60_000;
const fresh = { soakMs: 0, inferences: 0 };

const answered = (trial: Trial, windows: number): Trial => {
  for (let i = 0; i < windows; i++) trial.answered();
  return trial;
};

describe('A trial', () => {
  const rows: readonly (readonly [
    what: string,
    terms: { soakMs: number; inferences: number },
    before: { soakMs: number; inferences: number },
    nowMs: number,
    windows: number,
    passed: boolean,
  ])[] = [
    ['the shortest one, before its first window', shortestTrial, fresh, 0, 0, false],
    ['the shortest one, at its first window', shortestTrial, fresh, 0, 1, true],
    ['a soak that is not over', { soakMs: 1_000, inferences: 1 }, fresh, 999.9, 50, false],
    [
      'a soak that is over to the millisecond',
      { soakMs: 1_000, inferences: 1 },
      fresh,
      1_000,
      1,
      true,
    ],
    ['one window too few', { soakMs: 0, inferences: 5 }, fresh, 9_000, 4, false],
    ['windows enough', { soakMs: 0, inferences: 5 }, fresh, 9_000, 5, true],
    [
      'the rest of what earlier starts have shown',
      { soakMs: 1_000, inferences: 5 },
      { soakMs: 900, inferences: 4 },
      100,
      1,
      true,
    ],
    [
      'all terms met by earlier starts, and no window in this one',
      { soakMs: 1_000, inferences: 5 },
      { soakMs: 2_000, inferences: 9 },
      100,
      0,
      false,
    ],
  ];
  for (const [what, terms, before, nowMs, windows, passed] of rows) {
    it(`${passed ? 'is passed' : 'goes on'}: ${what}`, () => {
      assert.equal(answered(new Trial(terms, before, 0), windows).isPassed(nowMs), passed);
    });
  }

  it('counts from its start, on top of what was before', () => {
    const trial = new Trial({ soakMs: 1, inferences: 1 }, { soakMs: 500, inferences: 3 }, 10_000);
    assert.deepEqual(answered(trial, 2).progress(10_250.7), { soakMs: 750, inferences: 5 });
    assert.equal(trial.inferencesInThisRun, 2);
  });

  it('is starved once: after its soak, never in its first minute, never where it is passed', () => {
    const starvedAt = (terms: { soakMs: number; inferences: number }, windows: number) => {
      const trial = answered(new Trial(terms, fresh, 0), windows);
      const told: number[] = [];
      for (let nowMs = 0; nowMs <= 10 * minuteMs; nowMs += 10_000) {
        if (trial.isNewlyStarved(nowMs)) told.push(nowMs);
      }
      return told;
    };
    assert.deepEqual(starvedAt(shortestTrial, 0), [minuteMs]);
    assert.deepEqual(starvedAt({ soakMs: 3 * minuteMs, inferences: 10 }, 9), [3 * minuteMs]);
    assert.deepEqual(starvedAt({ soakMs: 3 * minuteMs, inferences: 10 }, 10), []);
  });

  it('is looked at when its soak ends, and at least as often as it is written down', () => {
    const trial = new Trial({ soakMs: 45_000, inferences: 1 }, fresh, 0);
    assert.equal(trial.nextLookMs(0), progressMs);
    assert.equal(trial.nextLookMs(30_000), 15_000);
    assert.equal(trial.nextLookMs(45_000), progressMs);
  });
});
