import assert from 'node:assert/strict';
import fc from 'fast-check';
import { countRounds, quorum, type Runner } from '../../../operator/verdict/rounds.js';

const runners = (progress: readonly number[], more: Partial<Runner> = {}): readonly Runner[] =>
  progress.map((each, i) => ({
    id: `d${i}`,
    progress: each,
    left: undefined,
    isNamed: false,
    ...more,
  }));

describe('rounds', () => {
  it('count when every device has closed them', () => {
    assert.equal(countRounds(runners([5, 3, 4]), 0.9).counted, 3);
    assert.equal(countRounds(runners([]), 0.9).counted, 0);
  });

  const far: readonly (readonly [progress: readonly number[], left: string])[] = [
    [[0, 2, 2, 2, 2, 2, 2, 2, 2, 2], ''],
    [[0, 3, 3, 3, 3, 3, 3, 3, 3, 3], 'd0 in 1'],
    [[2, 6, 6, 6, 6, 6, 6, 6, 6, 6], ''],
    [[2, 7, 7, 7, 7, 7, 7, 7, 7, 7], 'd0 in 3'],
    // Nine of ten must be so far; eight are not enough.
    [[0, 2, 9, 9, 9, 9, 9, 9, 9, 9], ''],
    // In a fleet of three nine tenths are all: nobody ever leaves.
    [[0, 99, 99], ''],
  ];
  for (const [progress, left] of far) {
    it(`are left by “${left}” where blocks are ${progress.join(' ')}`, () => {
      const rounds = countRounds(runners(progress), 0.9);
      assert.equal(rounds.left.map(({ id, round }) => `${id} in ${round}`).join(), left);
    });
  }

  it('do not take back a device that has left and catches up', () => {
    const [first, ...others] = runners([9, 9, 9, 9, 9, 9, 9, 9, 9, 9]);
    assert.ok(first);
    const rounds = countRounds([{ ...first, left: 2 }, ...others], 0.9);
    assert.deepEqual(rounds.left, [{ id: 'd0', round: 2 }]);
    assert.equal(rounds.counted, 9);
  });

  it('do not wait for a named device, which does not leave', () => {
    const [first, ...others] = runners([1, 9, 9, 9, 9, 9, 9, 9, 9, 9]);
    assert.ok(first);
    const rounds = countRounds([{ ...first, isNamed: true }, ...others], 0.9);
    assert.deepEqual(rounds, { counted: 9, left: [] });
  });

  it('are the same whoever comes first', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { minLength: 1, maxLength: 30 }), (progress) => {
        const some = runners(progress);
        const one = countRounds(some, 0.9);
        const other = countRounds([...some].reverse(), 0.9);
        assert.equal(other.counted, one.counted);
        assert.deepEqual([...other.left].reverse(), one.left);
      }),
    );
  });

  it('keep those who left, as the others go on', () => {
    const grow = fc.array(fc.array(fc.nat(3), { minLength: 10, maxLength: 10 }), { maxLength: 12 });
    fc.assert(
      fc.property(grow, (steps) => {
        const progress = new Array<number>(10).fill(0);
        const left = new Map<string, number>();
        let counted = 0;
        for (const step of steps) {
          step.forEach((more, i) => (progress[i] = (progress[i] ?? 0) + more));
          const now = runners(progress).map((each) => ({ ...each, left: left.get(each.id) }));
          const rounds = countRounds(now, 0.9);
          assert.ok(rounds.counted >= counted, 'a counted round stays counted');
          counted = rounds.counted;
          for (const [id, round] of left) {
            assert.ok(rounds.left.some((each) => each.id === id && each.round === round));
          }
          for (const { id, round } of rounds.left) left.set(id, round);
        }
      }),
    );
  });

  it('need nine of ten, rounded up', () => {
    const rows = [1, 3, 9, 10, 11, 48, 100, 1000].map((count) => quorum(count, 0.9));
    assert.deepEqual(rows, [1, 3, 9, 9, 10, 44, 90, 900]);
  });
});
