import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Confusion } from '../../../protocol/statistics/confusion.js';

type Pair = [champion: number, challenger: number];

describe('Confusion', () => {
  it('counts what the champion and the challenger said, in that order', () => {
    const confusion = confusionOf([
      [0, 0],
      [0, 2],
      [0, 2],
      [2, 0],
      [1, 1],
    ]);
    assert.deepEqual(confusion.counts, [1, 0, 2, 0, 1, 0, 1, 0, 0]);
    assert.equal(confusion.of(0, 2), 2);
    assert.deepEqual(confusion.agreement(), { successes: 2, n: 5 });
  });

  it('merges exactly: in any order and grouping to the confusion of all pairs', () => {
    fc.assert(
      fc.property(pairs(), pairs(), pairs(), (x, y, z) => {
        const all = confusionOf([...x, ...y, ...z]);
        const left = merged(merged(confusionOf(x), confusionOf(y)), confusionOf(z));
        const right = merged(confusionOf(z), merged(confusionOf(y), confusionOf(x)));
        assert.deepEqual(left, all);
        assert.deepEqual(right, all);
      }),
    );
  });

  it('has 1 to 32 classes', () => {
    for (const classes of [1, 32]) assert.equal(new Confusion(classes).counts.length, classes ** 2);
    for (const classes of [0, 33, 2.5, NaN]) assert.throws(() => new Confusion(classes));
  });

  it('has no place for a class it does not have', () => {
    for (const wrong of [-1, 3, 0.5, NaN]) {
      assert.throws(() => confusionOf([[wrong, 0]]));
      assert.throws(() => confusionOf([[0, wrong]]));
    }
  });

  it('does not merge with one over other classes', () => {
    assert.throws(() => merged(new Confusion(3), new Confusion(4)));
  });
});

function confusionOf(all: readonly Pair[]): Confusion {
  const confusion = new Confusion(3);
  for (const [champion, challenger] of all) confusion.add(champion, challenger);
  return confusion;
}

function merged(into: Confusion, other: Confusion): Confusion {
  into.merge(other);
  return into;
}

function pairs(): fc.Arbitrary<Pair[]> {
  return fc.array(fc.tuple(fc.nat(2), fc.nat(2)), { maxLength: 30 });
}
