import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Evaluation, type Finding } from '../../../simulator/scenario/evaluation.js';
import { readExpectation, type TermValue } from '../../../simulator/scenario/expectation.js';

const durationMs = 10_000;
const beginsMs = 2_000;

const begin = (text: string, lookMs = 1_000): Evaluation => {
  const result = readExpectation(text);
  assert.ok(result.ok, result.ok ? '' : result.rejection.detail);
  return new Evaluation(result.value, { durationMs, lookMs, beginsMs: () => beginsMs });
};

/** Asks it when it is due, and at the end. `course` tells what every term is at an instant. */
const follow = (
  text: string,
  course: (atMs: number) => TermValue | undefined,
): { finding: Finding; looks: readonly number[] } => {
  const evaluation = begin(text);
  const looks: number[] = [];
  const look = (atMs: number): void => {
    looks.push(atMs);
    evaluation.observe(atMs, () => course(atMs));
  };
  for (let due = evaluation.dueMs; due !== undefined; due = evaluation.dueMs) look(due);
  look(durationMs);
  return { finding: evaluation.conclude(), looks };
};

describe('an expectation of a run', () => {
  type Course = (atMs: number) => TermValue | undefined;
  const from =
    (ms: number, after: TermValue | undefined, before: TermValue | undefined = 0): Course =>
    (atMs) =>
      atMs >= ms ? after : before;
  const cases: readonly (readonly [
    text: string,
    what: string,
    course: Course,
    held: boolean,
    value: TermValue | undefined,
    atMs: number,
  ])[] = [
    ['windows.lost = 0', 'is so at the end', () => 0, true, 0, 10_000],
    ['windows.lost = 0', 'is not so at the end', from(9_999, 4), false, 4, 10_000],
    ['windows.lost = 0', 'was not so before', from(9_000, 0, 7), true, 0, 10_000],
    ['windows.lost = 0 always', 'is always so', () => 0, true, 0, 10_000],
    ['windows.lost = 0 always', 'is once not so', from(3_000, 1), false, 1, 3_000],
    ['windows.lost = 0 always', 'is told late', from(3_000, 0, undefined), true, 0, 10_000],
    ['windows.lost = 0 always', 'is never told', () => undefined, false, undefined, 0],
    ['windows.lost = 0 at 4 s', 'is so just then', (ms) => (ms === 4_000 ? 0 : 1), true, 0, 4_000],
    ['windows.lost = 0 at 4 s', 'is not so then', from(4_000, 1), false, 1, 4_000],
    ['windows.lost = 0 at 10 s', 'is so at the end', () => 0, true, 0, 10_000],
    ['windows.lost = 0 after 4 s', 'is so from then on', from(4_000, 0, 1), true, 0, 10_000],
    ['windows.lost = 0 after 4 s', 'is not so later', from(7_000, 2), false, 2, 7_000],
    ['windows.lost > 3 within 5 s', 'becomes so', from(3_000, 4), true, 4, 3_000],
    ['windows.lost > 3 within 5 s', 'becomes so at last', from(5_000, 4), true, 4, 5_000],
    ['windows.lost > 3 within 5 s', 'becomes so too late', from(5_001, 4), false, 0, 5_000],
    [
      'windows.lost > 3 within 5 s',
      'is so for a time',
      (ms) => (ms === 2_000 ? 4 : 0),
      true,
      4,
      2_000,
    ],
    ['windows.lost > 3 within 1 h', 'becomes so at the end', from(10_000, 4), true, 4, 10_000],
    ['windows.lost > 3 within 1 h', 'never becomes so', () => 0, false, 0, 10_000],
    // Rollout terms count from the entry of the rollout, at 2 s.
    [
      'rollout(r).ends = promoted within 5 s',
      'comes true by then',
      from(7_000, 'promoted', 'running'),
      true,
      'promoted',
      7_000,
    ],
    [
      'rollout(r).ends = promoted within 5 s',
      'comes true later',
      from(7_001, 'promoted', 'running'),
      false,
      'running',
      7_000,
    ],
    [
      'rollout(r).ends != aborted always',
      'never is',
      from(2_000, 'running', undefined),
      true,
      'running',
      10_000,
    ],
    ['rollout(r).served <= 25 %', 'is that much', () => 0.25, true, 0.25, 10_000],
    ['rollout(r).served < 25 %', 'is that much', () => 0.25, false, 0.25, 10_000],
    ['rollout(r).served >= 25 %', 'is that much', () => 0.25, true, 0.25, 10_000],
    ['rollout(r).served > 25 %', 'is that much', () => 0.25, false, 0.25, 10_000],
    ['rollout(r).served > 25 %', 'is a word', () => 'much', false, 'much', 10_000],
    ['rollout(r).served < 25 %', 'is not a number', () => NaN, false, NaN, 10_000],
    ['windows.lost > 3 within 5 s or windows.lost = 0', 'is the second', () => 0, true, 0, 10_000],
    [
      'windows.lost > 3 within 5 s or windows.lost = 0',
      'is the first',
      from(3_000, 4),
      true,
      4,
      3_000,
    ],
    [
      'windows.lost > 3 within 5 s or windows.lost = 0',
      'is neither',
      from(6_000, 9),
      false,
      0,
      5_000,
    ],
  ];
  for (const [text, what, course, held, value, atMs] of cases) {
    it(`${held ? 'holds' : 'does not hold'}: ${text}, where it ${what}`, () => {
      assert.deepEqual(follow(text, course).finding, { held, value, atMs });
    });
  }

  it('is asked when it matters, and not any more when it is decided', () => {
    const looks = (text: string, course: Course = () => 0): readonly number[] =>
      follow(text, course).looks;
    assert.deepEqual(looks('windows.lost = 0'), [10_000]);
    assert.deepEqual(looks('windows.lost = 0 at 4 s'), [4_000, 10_000]);
    assert.deepEqual(looks('windows.lost = 0 after 8.5 s'), [8_500, 9_500, 10_000]);
    assert.deepEqual(looks('windows.lost > 3 within 2.5 s'), [0, 1_000, 2_000, 2_500, 10_000]);
    assert.deepEqual(looks('rollout(r).stay > 3 within 1.5 s'), [2_000, 3_000, 3_500, 10_000]);
    assert.deepEqual(looks('windows.lost = 1 always'), [0, 10_000]);
    assert.equal(looks('windows.lost = 0 always').length, 11);
    assert.equal(looks('windows.lost = 0 always or windows.lost = 0 at 2 s').length, 4);
  });

  it('is told nothing before it counts', () => {
    const evaluation = begin('rollout(r).stay = 0 within 1 s');
    evaluation.observe(1_000, () => assert.fail('read before the rollout began'));
    assert.equal(evaluation.dueMs, 2_000);
  });

  it('does not hold by what comes true after its time, however late it is asked', () => {
    const evaluation = begin('windows.lost > 3 within 5 s');
    evaluation.observe(5_001, () => 4);
    assert.deepEqual(evaluation.conclude(), { held: false, value: 4, atMs: 5_001 });
  });

  it('does not hold where it was never asked', () => {
    for (const when of ['', ' always', ' at 1 s', ' after 1 s', ' within 1 s']) {
      assert.equal(begin(`windows.lost = 0${when}`).conclude().held, false);
    }
  });

  it('ends with the same finding however often it is asked besides', () => {
    const text = fc.constantFrom(
      'windows.lost > 3 at 4 s',
      'windows.lost > 3',
      'windows.lost < 9 always',
      'windows.lost < 9 after 4 s',
      'windows.lost > 3 within 5 s',
    );
    const more = fc.array(fc.nat(durationMs), { maxLength: 20 });
    // What only rises is seen at the latest when it is due: more looks decide no other way.
    fc.assert(
      fc.property(text, fc.nat(12), more, (given, rise, extra) => {
        const course = (atMs: number): number => Math.floor((atMs * rise) / durationMs);
        const evaluation = begin(given);
        const others = [...extra].sort((a, b) => a - b);
        for (;;) {
          const due = evaluation.dueMs ?? durationMs;
          const other = others[0] ?? durationMs;
          const atMs = Math.min(due, other);
          if (other === atMs) others.shift();
          evaluation.observe(atMs, () => course(atMs));
          if (atMs === durationMs) break;
        }
        assert.equal(evaluation.conclude().held, follow(given, course).finding.held);
      }),
    );
  });
});
