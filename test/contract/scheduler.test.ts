import assert from 'node:assert/strict';
import sinon from 'sinon';
import { createCronScheduler } from '../../agent/adapters/cron-scheduler.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';
import { ManualTime } from '../../simulator/ports/manual-time.js';
import { LaneClock } from '../../simulator/time/lane.js';
import { VirtualTime } from '../../simulator/time/virtual-time.js';

/** A scheduler in a time that passes when it is told to. */
interface SchedulerWorld {
  readonly scheduler: Scheduler;
  advance(ms: number): Promise<unknown>;
  /** Lets the wall clock jump; the monotonic one goes on. */
  jump(byMs: number): void;
  dispose(): void;
}

const startMs = Date.UTC(2026, 0, 1);

describeScheduler('Node’s timers and node-cron', () => {
  const clock = sinon.useFakeTimers({ now: startMs });
  return {
    scheduler: createCronScheduler(),
    advance: (ms) => clock.tickAsync(ms),
    jump: (byMs) => {
      clock.setSystemTime(Date.now() + byMs);
    },
    dispose: () => {
      clock.restore();
    },
  };
});

describeScheduler('manual time', () => {
  const time = new ManualTime(startMs);
  return {
    scheduler: time.createScheduler(),
    advance: (ms) => time.advance(ms),
    jump: (byMs) => {
      time.jumpWall(byMs);
    },
    dispose: () => undefined,
  };
});

describeScheduler('a lane of virtual time', () => {
  const time = new VirtualTime();
  const clock = new LaneClock(() => time.nowMs, startMs);
  return {
    scheduler: time.createLane(1),
    advance: (ms) => time.run(time.nowMs + ms),
    jump: (byMs) => {
      clock.jump(byMs);
    },
    dispose: () => undefined,
  };
});

/** What every scheduler port promises (`agent/ports/scheduler.ts`). */
function describeScheduler(name: string, createWorld: () => SchedulerWorld): void {
  describe(`The scheduler port: ${name}`, () => {
    let world: SchedulerWorld;
    beforeEach(() => {
      world = createWorld();
    });
    afterEach(() => {
      world.dispose();
    });

    it('wakes once, not before the delay is over', async () => {
      let woken = 0;
      world.scheduler.after(1000, () => woken++);
      await world.advance(999);
      assert.equal(woken, 0);
      await world.advance(1);
      assert.equal(woken, 1);
      await world.advance(10_000);
      assert.equal(woken, 1);
    });

    it('wakes after the call, even where there is no delay', async () => {
      let woken = 0;
      for (const delayMs of [0, -5]) world.scheduler.after(delayMs, () => woken++);
      assert.equal(woken, 0);
      await world.advance(1);
      assert.equal(woken, 2);
    });

    it('wakes in the order of what is due, and of the calls where that is equal', async () => {
      const order: string[] = [];
      for (const [label, delayMs] of [
        ['c', 20],
        ['a', 10],
        ['b', 10],
      ] as const) {
        world.scheduler.after(delayMs, () => order.push(label));
      }
      await world.advance(50);
      assert.deepEqual(order, ['a', 'b', 'c']);
    });

    it('lets go of what is cancelled, however often', async () => {
      let woken = 0;
      const cancel = world.scheduler.after(1000, () => woken++);
      const late = world.scheduler.after(10, () => woken++);
      await world.advance(500);
      for (const each of [cancel, cancel, late]) each();
      await world.advance(10_000);
      assert.equal(woken, 1);
    });

    it('waits for longer than a timer of 31 bits can', async () => {
      const days = 60 * 86_400_000;
      let woken = 0;
      world.scheduler.after(days, () => woken++);
      await world.advance(days - 1);
      assert.equal(woken, 0);
      await world.advance(1);
      assert.equal(woken, 1);
    });

    it('cancels a long wait in its second half too', async () => {
      const days = 60 * 86_400_000;
      let woken = 0;
      const cancel = world.scheduler.after(days, () => woken++);
      await world.advance(days - 1000);
      cancel();
      await world.advance(days);
      assert.equal(woken, 0);
    });

    it('wakes every minute where the schedule says so, until it is ended', async () => {
      let woken = 0;
      const end = world.scheduler.cron({ expression: '* * * * *', timezone: 'UTC' }, () => woken++);
      await world.advance(10 * 60_000 + 500);
      assert.equal(woken, 10);
      end();
      await world.advance(10 * 60_000);
      assert.equal(woken, 10);
    });

    it('wakes later by the share of the period, once in each, until it is ended', async () => {
      const wokenMs: number[] = [];
      let nowMs = 0;
      const schedule = { expression: '* * * * *', timezone: 'UTC', share: 0.7 };
      const end = world.scheduler.cron(schedule, () => wokenMs.push(nowMs));
      for (; nowMs <= 300_000; nowMs += 500) await world.advance(500);
      assert.deepEqual(
        wokenMs.map((at) => at + 500),
        [102_000, 162_000, 222_000, 282_000],
      );
      // In the middle of its delay too.
      await world.advance(20_000);
      end();
      await world.advance(120_000);
      assert.equal(wokenMs.length, 4);
    });

    for (const [jump, byMs] of [
      ['56 years ahead', 56 * 365.25 * 86_400_000],
      ['56 years back', -56 * 365.25 * 86_400_000],
      ['two hours ahead', 7_200_000],
      ['two hours back', -7_200_000],
      ['half a minute ahead', 30_000],
      ['half a minute back', -30_000],
    ] as const) {
      for (const share of [0, 0.9]) {
        it(`goes on waking once a minute after the wall clock has jumped ${jump}, ${share} of it later`, async () => {
          let woken = 0;
          const schedule = { expression: '* * * * *', timezone: 'UTC', share };
          world.scheduler.cron(schedule, () => woken++);
          await world.advance(130_000 + share * 60_000);
          assert.equal(woken, 2);
          world.jump(byMs);
          await world.advance(100_000 + share * 60_000);
          assert.ok(woken >= 3, 'it wakes within the first 100 s');
          await world.advance(8.5 * 60_000);
          assert.ok(woken >= 11 && woken <= 14, `it woke ${woken - 2} times in ten minutes`);
        });
      }

      it(`waits for its delay by monotonic time where the wall clock jumps ${jump}`, async () => {
        let woken = 0;
        world.scheduler.after(120_000, () => woken++);
        await world.advance(60_000);
        world.jump(byMs);
        await world.advance(59_999);
        assert.equal(woken, 0);
        await world.advance(1);
        assert.equal(woken, 1);
      });
    }
  });
}

describe('Manual time', () => {
  it('forgets the wake-ups of a device that is stopped, and no others', async () => {
    const time = new ManualTime(0);
    const [one, other] = [time.createScheduler(), time.createScheduler()];
    const woken: string[] = [];
    one.after(10, () => woken.push('one'));
    one.cron({ expression: '* * * * *', timezone: 'UTC' }, () => woken.push('one’s cron'));
    other.after(10, () => woken.push('other'));
    one.stop();
    await time.advance(120_000);
    assert.deepEqual(woken, ['other']);
  });

  it('shows each wake-up the instant at which it is due', async () => {
    const time = new ManualTime(1_000_000);
    const scheduler = time.createScheduler();
    const seen: [number, number][] = [];
    scheduler.after(10, () => {
      seen.push([time.monotonicMs(), time.wallMs()]);
      scheduler.after(5, () => seen.push([time.monotonicMs(), time.wallMs()]));
    });
    time.jumpWall(-500_000);
    await time.advance(100);
    assert.deepEqual(seen, [
      [10, 500_010],
      [15, 500_015],
    ]);
    assert.equal(time.monotonicMs(), 100);
  });
});
