import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  mergeAllMoments,
  mergeMoments,
  Moments,
  varianceOf,
  type MomentsState,
} from '../../../protocol/statistics/moments.js';
import { requires } from '../../helpers/requires.js';
import { assertClose, vectorCases } from './vectors.js';

describe('Moments', () => {
  it('are those of the values', () => {
    const moments = momentsOf([2, 4, 4, 4, 5, 5, 7, 9]);
    assert.deepEqual({ ...moments }, { count: 8, mean: 5, m2: 32, notFinite: 0 });
    assert.equal(varianceOf(moments), 32 / 7);
  });

  it('know no variance of less than two values', () => {
    assert.equal(varianceOf(new Moments()), undefined);
    assert.equal(varianceOf(momentsOf([3])), undefined);
  });

  it('keep the variance of values that are large and near each other', () => {
    const moments = momentsOf([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16]);
    assert.equal(varianceOf(moments), 30);
  });

  it('count what is not finite and leave it out', () => {
    const { count, mean, notFinite } = momentsOf([1, NaN, 3, Infinity, -Infinity]);
    assert.deepEqual({ count, mean, notFinite }, { count: 2, mean: 2, notFinite: 3 });
  });

  it('merge to those of all values', () => {
    fc.assert(
      fc.property(samples(), samples(), (one, other) => {
        assertSame(mergeMoments(momentsOf(one), momentsOf(other)), momentsOf([...one, ...other]));
      }),
    );
  });

  it('merge to the same bits in either order', () => {
    fc.assert(
      fc.property(samples(), samples(), (one, other) => {
        const [a, b] = [momentsOf(one), momentsOf(other)];
        assert.deepEqual({ ...mergeMoments(a, b) }, { ...mergeMoments(b, a) });
      }),
    );
  });

  it('merge to the same up to rounding however they are grouped', () => {
    fc.assert(
      fc.property(samples(), samples(), samples(), (x, y, z) => {
        const [a, b, c] = [momentsOf(x), momentsOf(y), momentsOf(z)];
        assertSame(mergeMoments(mergeMoments(a, b), c), mergeMoments(a, mergeMoments(b, c)));
      }),
    );
  });

  it('do not change when merged with nothing', () => {
    fc.assert(
      fc.property(samples(), (values) => {
        const moments = momentsOf(values);
        assert.deepEqual({ ...mergeMoments(moments, new Moments()) }, { ...moments });
      }),
    );
  });

  it('of many parts are the same bits in whatever order the parts arrived', () => {
    const parts = fc.array(samples().map(momentsOf), { maxLength: 8 });
    const orders = parts.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
    );
    fc.assert(
      fc.property(orders, ([all, shuffled]) => {
        assert.deepEqual({ ...mergeAllMoments(all) }, { ...mergeAllMoments(shuffled) });
      }),
    );
  });

  describe('beside the reference vectors', () => {
    before(function () {
      requires(this, 'shared');
    });

    it('are theirs before and after the merge', () => {
      type Triple = readonly [count: number, mean: number, m2: number];
      const [parts] = vectorCases<{ a: Triple; b: Triple; merged: Triple }>('welford_chan_merge');
      const [stream] = vectorCases<{ treatment: number[] }>('asymptotic_cs_latency_stream');
      assert.ok(parts && stream);
      const a = momentsOf(stream.treatment.slice(0, 25));
      const b = momentsOf(stream.treatment.slice(25));
      const rows = [
        [a, parts.a],
        [b, parts.b],
        [mergeMoments(a, b), parts.merged],
      ] as const;
      for (const [moments, [count, mean, m2]] of rows) {
        assert.equal(moments.count, count);
        assertClose(moments.mean, mean);
        assertClose(moments.m2, m2);
      }
    });
  });
});

function momentsOf(values: readonly number[]): Moments {
  const moments = new Moments();
  for (const value of values) moments.add(value);
  return moments;
}

function samples(): fc.Arbitrary<number[]> {
  return fc.array(fc.double({ min: -1000, max: 1000, noNaN: true }), { maxLength: 20 });
}

function assertSame(actual: MomentsState, expected: MomentsState): void {
  assert.equal(actual.count, expected.count);
  assertClose(actual.mean, expected.mean, 1e-9);
  assertClose(actual.m2, expected.m2, 1e-9);
}
