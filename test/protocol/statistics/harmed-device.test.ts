import assert from 'node:assert/strict';
import fc from 'fast-check';
import { concentrationFor, logEValueAbove } from '../../../protocol/statistics/beta-binomial.js';
import { blocksInOrder } from '../../../protocol/statistics/block-order.js';
import {
  fewestBlocksToName,
  namedAt,
  type ComparedBlock,
} from '../../../protocol/statistics/harmed-device.js';
import { requires } from '../../helpers/requires.js';
import { readVectors } from '../../helpers/vectors.js';
import { assertClose } from './vectors.js';

const block = (b: number, c: number, more: Partial<ComparedBlock> = {}): ComparedBlock => ({
  onlyChampionRight: b,
  onlyChallengerRight: c,
  windows: 10,
  unlabelled: 0,
  served: 0,
  ...more,
});
const times = (count: number, one: ComparedBlock): readonly ComparedBlock[] =>
  Array.from({ length: count }, () => one);
const termsOf = (devices: number) => ({ devices, alpha: 0.05, deviceMargin: 0.05 });

describe('naming a device', () => {
  const rows: readonly (readonly [devices: number, blocks: number])[] = [
    [10, 15],
    [48, 17],
    [1000, 22],
  ];
  for (const [devices, blocks] of rows) {
    it(`takes ${blocks} blocks with a loss and none with a win in a fleet of ${devices}`, () => {
      assert.equal(namedAt(times(40, block(1, 0)), termsOf(devices)), blocks);
      assert.equal(namedAt(times(blocks - 1, block(1, 0)), termsOf(devices)), undefined);
      assert.equal(fewestBlocksToName(termsOf(devices)), blocks);
    });
  }

  it('counts one unit of evidence a block, however many windows were lost', () => {
    assert.equal(namedAt(times(40, block(9, 0)), termsOf(48)), 17);
  });

  it('does not name a device that loses less than the margin', () => {
    const rare = times(256, block(0, 0)).map((each, i) => (i % 3 === 0 ? block(1, 0) : each));
    assert.equal(namedAt(rare, termsOf(10)), undefined);
  });

  it('takes windows without a label as won', () => {
    assert.equal(namedAt(times(256, block(1, 0, { unlabelled: 1 })), termsOf(10)), undefined);
  });

  it('looks at served blocks alone, which an equal shadow does not dilute', () => {
    const equal = Array.from({ length: 200 }, (_, i) => block(i % 2, (i + 1) % 2));
    const lost = times(56, block(5, 0, { served: 1 }));
    const named = namedAt([...equal, ...lost], termsOf(10));
    assert.equal(named, 215);
    const unserved = namedAt([...equal, ...times(56, block(5, 0))], termsOf(10));
    assert.ok(unserved === undefined || unserved > 240);
  });

  it('says the first k, so that later blocks change nothing', () => {
    const arbitrary = fc.array(
      fc.record({
        onlyChampionRight: fc.integer({ min: 0, max: 5 }),
        onlyChallengerRight: fc.integer({ min: 0, max: 2 }),
        windows: fc.constant(10),
        unlabelled: fc.integer({ min: 0, max: 1 }),
        served: fc.constantFrom<0 | 1>(0, 1),
      }),
      { maxLength: 80 },
    );
    fc.assert(
      fc.property(arbitrary, (blocks) => {
        const k = namedAt(blocks, termsOf(3));
        if (k === undefined) return;
        assert.equal(namedAt(blocks.slice(0, k), termsOf(3)), k);
        assert.equal(namedAt(blocks.slice(0, k - 1), termsOf(3)), undefined);
      }),
    );
  });

  describe('beside the reference vectors', () => {
    before(function () {
      requires(this, 'shared');
    });

    it('has their evidence, and names whom they name', () => {
      const { harmed_device } = readVectors('evidence-vectors.json') as {
        harmed_device: {
          concentration: number;
          rows: readonly {
            b: number;
            c: number;
            ln_e: number;
            named_in_a_fleet_of_48: boolean;
            named_in_a_fleet_of_1000: boolean;
          }[];
        };
      };
      assertClose(concentrationFor(20, 0.05), harmed_device.concentration, 1e-12);
      for (const { b, c, ln_e, ...named } of harmed_device.rows) {
        const counts = { successes: b, n: b + c };
        assertClose(logEValueAbove(counts, 0.5, harmed_device.concentration), ln_e, 1e-9);
        const blocks = [...times(c, block(0, 1)), ...times(b, block(1, 0))];
        assert.equal(namedAt(blocks, termsOf(48)) !== undefined, named.named_in_a_fleet_of_48);
        assert.equal(namedAt(blocks, termsOf(1000)) !== undefined, named.named_in_a_fleet_of_1000);
      }
    });
  });
});

describe('the order of blocks', () => {
  const of = (list: string, ...policies: readonly number[]) =>
    policies.map((policy, i) => ({ policy, name: `${list}${i}` }));
  const names = (blocks: readonly { readonly name: string }[]): string =>
    blocks.map(({ name }) => name).join(' ');

  it('follows the policies, and under one policy puts the shadow first', () => {
    const merged = blocksInOrder(of('a', 1, 1, 3, 4), of('b', 2, 3, 3, 5));
    assert.equal(names(merged), 'a0 a1 b0 a2 b1 b2 a3 b3');
  });

  it('is that of the one list where the other is empty', () => {
    assert.equal(names(blocksInOrder(of('a', 1, 2), [])), 'a0 a1');
    assert.equal(names(blocksInOrder([], of('b', 1, 2))), 'b0 b1');
  });
});
