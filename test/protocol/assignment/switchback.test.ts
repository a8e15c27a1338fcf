import assert from 'node:assert/strict';
import fc from 'fast-check';
import { blockOfPair, turnOf } from '../../../protocol/assignment/switchback.js';

const salt = new Uint8Array(8).fill(7);

describe('A turn', () => {
  it('is that of the other release in the second half of a pair', () => {
    for (let pairs = 0; pairs < 50; pairs++) {
      const [first, second] = [4, 5].map((windows) =>
        turnOf(salt, 'press-7', 5, { pairs, windows }),
      );
      assert.notEqual(first, second);
    }
  });

  it('falls to either release first about as often, over pairs and over devices', () => {
    const begins = Array.from({ length: 2_000 }, (_, i) =>
      turnOf(salt, `press-${i % 40}`, 5, { pairs: Math.floor(i / 40), windows: 0 }),
    );
    const challengers = begins.filter((turn) => turn === 'challenger').length;
    assert.ok(Math.abs(challengers - 1_000) < 120, String(challengers));
  });
});

describe('The block of a pair of turns', () => {
  const pair = fc
    .tuple(fc.nat(20), fc.nat(20), fc.nat(20), fc.nat(20))
    .filter(([b, u, c, v]) => b + u <= 20 && c + v <= 20);

  it('is at its worst no better for either side than any way in which the labels may come', () => {
    fc.assert(
      fc.property(pair, fc.nat(20), fc.nat(20), ([b, u, c, v], w, x) => {
        // Of the champion's turn b are right and u are open; of the challenger's c and v.
        const counted = { onlyChampionRight: b, onlyChallengerRight: c, unlabelled: u + v };
        const block = blockOfPair({ ...counted, windows: 40, served: 1 as const });
        const { onlyChampionRight, onlyChallengerRight, unlabelled, windows } = block;
        assert.equal(windows, 20);
        assert.ok(onlyChampionRight + onlyChallengerRight + unlabelled <= windows);
        const loss = b + Math.min(u, w) - (c + Math.min(v, x));
        assert.ok(onlyChampionRight + unlabelled - onlyChallengerRight >= loss);
        assert.ok(onlyChampionRight - unlabelled - onlyChallengerRight <= loss);
      }),
    );
  });
});
