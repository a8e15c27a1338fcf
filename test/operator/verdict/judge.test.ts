import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { DeviceEvidence } from '../../../operator/verdict/evidence.js';
import { judge } from '../../../operator/verdict/judge.js';
import { block, devices, evidence, times } from './example-evidence.js';

const equal = block(0);
const lost = block(10);
const ids = (listed: readonly { readonly id: string }[]): string =>
  listed.map(({ id }) => id).join(' ');

describe('the judge', () => {
  it('says in words of whom and of what a safe verdict speaks', () => {
    const { verdict, guardrail, reason } = judge(evidence(devices(48, times(6, equal))));
    assert.equal(verdict, 'safe');
    assert.equal(guardrail, 'mean-loss');
    assert.equal(
      reason,
      'on the 48 devices that compared, release 20 gives less than 2 more wrong answers per 100 windows of the average ' +
        'device than release 10 (certain to 95 %, however often one looks). It is too early to name single devices.',
    );
  });

  it('names who is worse, and speaks of the others', () => {
    const fleet = devices(100, times(25, equal), (i) =>
      i === 7 ? { shadow: times(25, lost) } : {},
    );
    const { verdict, named, reason } = judge(evidence(fleet));
    assert.equal(verdict, 'safe');
    assert.deepEqual(named, [{ id: 'd0007', block: 18, loss: 1 }]);
    assert.match(reason, /the average of the others/);
    assert.match(
      reason,
      /1 device is worse and stays on release 10: d0007 \(worse, about 100 points\)\./,
    );
  });

  it('keeps a device named, whatever it compares later', () => {
    const fleet = devices(48, times(6, equal), (i) => (i === 0 ? { named: 3 } : {}));
    assert.equal(ids(judge(evidence(fleet)).named), 'd0000');
  });

  it('names a device that joined later, and counts it in no share', () => {
    const served = times(25, block(10, 0, { policy: 2, served: 1 }));
    const fleet = devices(48, times(30, equal), (i) =>
      i < 3 ? { joined: true, shadow: [], served } : {},
    );
    const step = { isLast: true, fromPolicy: 2, served: ['d0000', 'd0001', 'd0002', 'd0003'] };
    const { named, findings } = judge(evidence(fleet, {}, { step }));
    assert.equal(ids(named), 'd0000 d0001 d0002');
    assert.equal(
      findings.find(({ guardrail }) => guardrail === 'named-devices')?.numbers['named'],
      0,
    );
  });

  it('names two that are more than their share as harm', () => {
    const terms = { harmShare: 0.05 };
    const fleet = (bad: number) =>
      devices(30, times(20, block(0, 1)), (i) => (i < bad ? { shadow: times(20, lost) } : {}));
    assert.equal(judge(evidence(fleet(1), terms)).verdict, 'safe');
    const { verdict, guardrail } = judge(evidence(fleet(2), terms));
    assert.equal(`${verdict} ${guardrail}`, 'harm named-devices');
  });

  it('finds harm in what all devices lose', () => {
    const { verdict, guardrail, lower } = judge(evidence(devices(10, times(4, block(2)))));
    assert.equal(`${verdict} ${guardrail}`, 'harm mean-loss');
    assert.ok(lower > 0.01);
  });

  describe('with one device that lies', () => {
    for (const count of [3, 10, 48, 100]) {
      it(`gives no harm in a fleet of ${count}, whatever it says`, () => {
        const fleet = devices(count, times(8, equal), (i) =>
          i === 0 ? { shadow: times(8, lost) } : {},
        );
        assert.notEqual(judge(evidence(fleet)).verdict, 'harm');
      });

      it(`gives no safety in a fleet of ${count} that loses 3 points`, () => {
        // Three of ten blocks lose one window of ten.
        const some = Array.from({ length: 100 }, (_, i) => block(i % 10 < 3 ? 1 : 0));
        const fleet = devices(count, some, (i) =>
          i === 0 ? { shadow: times(100, block(0, 10)) } : {},
        );
        assert.notEqual(judge(evidence(fleet)).verdict, 'safe');
      });
    }

    it('says on whom it would rest', () => {
      const fleet = devices(10, times(8, equal), (i) =>
        i === 3 ? { shadow: times(8, lost) } : {},
      );
      assert.match(judge(evidence(fleet)).reason, /without d0003 it would not be certain/);
    });
  });

  it('holds what is good and never what is bad', () => {
    const holds = ['the champion looks wrong beside its own reference'];
    const good = judge(evidence(devices(48, times(6, equal)), {}, { holds }));
    assert.equal(good.verdict, 'not-yet');
    assert.equal(good.guardrail, null);
    assert.deepEqual(good.holds, holds);
    assert.match(good.reason, /looks wrong/);
    assert.equal(judge(evidence(devices(48, times(6, lost)), {}, { holds })).verdict, 'harm');
  });

  it('says what labels are missing', () => {
    const waiting = block(0, 0, { unlabelled: 2 });
    const none = judge(evidence(devices(10, times(4, waiting))));
    assert.match(
      none.reason,
      /no true label has come from any device: 80 disagreements wait for one/,
    );
    const some = judge(evidence(devices(10, [...times(4, waiting), block(1)])));
    assert.match(some.reason, /80 disagreements wait for a true label/);
  });

  it('waits for what else is open', () => {
    const unmet = ['the step is not over yet'];
    const { verdict, reason } = judge(evidence(devices(48, times(6, equal)), {}, { unmet }));
    assert.equal(verdict, 'not-yet');
    assert.equal(reason, 'the step is not over yet');
  });

  it('holds where losses come in bursts that its blocks do not allow', () => {
    const bursty = (correlation: number) =>
      judge(evidence(devices(48, times(6, equal), () => ({ correlation }))));
    assert.equal(bursty(500).verdict, 'safe');
    const { verdict, holds } = bursty(501);
    assert.equal(verdict, 'not-yet');
    assert.match(holds[0] ?? '', /0\.501/);
  });

  it('counts nobody who was not asked, not there, or came later', () => {
    const strange: readonly Partial<DeviceEvidence>[] = [
      { asked: false },
      { present: false },
      { joined: true },
    ];
    for (const each of strange) {
      const fleet = devices(49, times(6, equal), (i) =>
        i === 0 ? { ...each, shadow: times(1, lost) } : {},
      );
      const { verdict, rounds } = judge(evidence(fleet));
      assert.equal(`${verdict} ${rounds}`, 'safe 6');
    }
  });

  it('is not safe while more than a tenth do not take part', () => {
    const failing = (count: number) =>
      judge(evidence(devices(48, times(8, equal), (i) => ({ failed: i < count }))));
    assert.equal(failing(4).verdict, 'safe');
    assert.match(failing(4).reason, /4 present devices have not compared: they stay on release 10/);
    const { verdict, reason } = failing(5);
    assert.equal(verdict, 'not-yet');
    assert.match(reason, /43 of 48 present devices take part, and 44 must/);
  });

  it('counts a missing block as the worst that it could be', () => {
    const fleet = devices(10, times(3, equal), (i) => (i === 0 ? { shadow: [] } : {}));
    const { left, rounds, lower, upper } = judge(evidence(fleet));
    assert.deepEqual(left, [{ id: 'd0000', round: 1 }]);
    assert.equal(rounds, 3);
    const without = judge(evidence(devices(9, times(3, equal))));
    assert.ok(upper > without.upper && lower < without.lower);
  });

  it('gives the same judgement whoever comes first', () => {
    const some = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 12 }), fc.nat(3), fc.nat(2), fc.boolean()),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(some, (natures) => {
        const fleet = natures.map(([blocks, b, c, failed], i) => ({
          ...devices(1, times(blocks, block(b, c)))[0],
          id: `d${i}`,
          failed,
        })) as readonly DeviceEvidence[];
        const one = judge(evidence(fleet));
        const other = judge(evidence([...fleet].reverse()));
        assert.equal(other.verdict, one.verdict);
        assert.equal(other.upper, one.upper);
        assert.equal(other.lower, one.lower);
        assert.equal(other.rounds, one.rounds);
      }),
    );
  });

  it('derives from its record what it derived before', () => {
    const before = evidence(
      devices(5, times(4, block(1, 1, { unlabelled: 1 })), (i) => ({ stratum: `s${i % 2}` })),
    );
    const record = JSON.parse(JSON.stringify(before)) as typeof before;
    assert.deepEqual(
      JSON.parse(JSON.stringify(judge(record))),
      JSON.parse(JSON.stringify(judge(before))),
    );
  });

  it('is quick enough for 10,000 devices with full lists', () => {
    const fleet = devices(10_000, times(256, block(0, 0)));
    const began = performance.now();
    judge(evidence(fleet));
    assert.ok(performance.now() - began < 2_000);
  });
});

describe('a fleet of one', () => {
  it('is spoken of though the one device is named', () => {
    const { verdict, named } = judge(evidence(devices(1, times(90, block(1)))));
    assert.equal(verdict, 'harm');
    assert.equal(named.length, 1);
  });

  it('says that a single device decides', () => {
    const { verdict, reason } = judge(evidence(devices(1, times(220, equal))));
    assert.equal(verdict, 'safe');
    assert.match(reason, /a single device decides/);
  });
});
