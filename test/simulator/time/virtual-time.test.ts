import assert from 'node:assert/strict';
import { Later } from '../../../simulator/time/later.js';
import { every, LaneClock } from '../../../simulator/time/lane.js';
import { VirtualTime } from '../../../simulator/time/virtual-time.js';

describe('virtual time', () => {
  it('carries out what an event sets off at its instant before the next event', async () => {
    const time = new VirtualTime();
    const [a, b] = [time.createLane(1), time.createLane(2)];
    const order: string[] = [];
    b.after(10, () => order.push('b'));
    a.after(10, () => {
      order.push('a');
      a.soon(() => {
        order.push('soon');
        a.soon(() => order.push('sooner or later'));
      });
    });
    await time.run(10);
    assert.deepEqual(order, ['a', 'soon', 'sooner or later', 'b']);
  });

  it('orders what comes from other lanes by sender, however it was added', async () => {
    const orderOf = async (lanes: readonly number[]): Promise<string[]> => {
      const time = new VirtualTime();
      const hub = time.createLane(0);
      const order: string[] = [];
      for (const from of lanes) hub.arrive(20, from, 0, () => order.push(`from ${from}`));
      hub.after(20, () => order.push('own'));
      await time.run(20);
      return order;
    };
    assert.deepEqual(await orderOf([3, 1, 2]), await orderOf([1, 2, 3]));
    assert.deepEqual(await orderOf([2, 1]), ['own', 'from 1', 'from 2']);
  });

  it('waits for native promises after an event of a lane that has them, before time goes on', async () => {
    const time = new VirtualTime();
    const lane = time.createLane(0, true);
    const seen: number[] = [];
    lane.after(10, () => {
      void Promise.resolve()
        .then(() => undefined)
        .then(() => {
          lane.after(5, () => seen.push(time.nowMs));
        });
    });
    lane.after(30, () => seen.push(time.nowMs));
    await time.run(100);
    assert.deepEqual(seen, [15, 30]);
  });

  it('forgets what a lane asked for before it was stopped, and nothing else', async () => {
    const time = new VirtualTime();
    const lane = time.createLane(1);
    const seen: string[] = [];
    lane.after(10, () => seen.push('before'));
    lane.soon(() => seen.push('soon before'));
    lane.arrive(10, 2, 0, () => seen.push('arrived'));
    lane.stop();
    lane.after(10, () => seen.push('after'));
    await time.run(20);
    assert.deepEqual(seen, ['after', 'arrived']);
  });

  it('keeps what is due where thousands of others were cancelled', async () => {
    const time = new VirtualTime();
    const lane = time.createLane(1);
    let woken = 0;
    for (let i = 0; i < 10_000; i++) {
      const cancel = lane.after(1_000 + i, () => woken++);
      if (i % 10 > 0) cancel();
    }
    await time.run(20_000);
    assert.equal(woken, 1_000);
  });

  it('ends early, at the event after which nobody wants more', async () => {
    const time = new VirtualTime();
    const lane = time.createLane(1);
    let woken = 0;
    for (const at of [10, 20, 30]) lane.after(at, () => woken++);
    await time.run(100, () => woken < 2);
    assert.deepEqual([woken, time.nowMs], [2, 20]);
  });

  it('goes up to an instant that does not count, and says what is due next', () => {
    const time = new VirtualTime();
    const lane = time.createLane(1);
    const seen: number[] = [];
    const cancel = lane.after(5, () => seen.push(5));
    for (const ms of [10, 20]) lane.after(ms, () => seen.push(ms));
    cancel();
    assert.equal(time.nextMs, 10);
    assert.equal(time.advance(20), true);
    assert.deepEqual(seen, [10]);
    assert.equal(time.nowMs, 20);
    assert.equal(time.nextMs, 20);
    lane.stop();
    assert.equal(time.nextMs, undefined);
  });

  it('stops where native promises may have settled', async () => {
    const time = new VirtualTime();
    const lane = time.createLane(0, true);
    const seen: number[] = [];
    lane.after(10, () => {
      void Promise.resolve().then(() => lane.after(5, () => seen.push(time.nowMs)));
    });
    assert.equal(time.advance(100), false);
    await time.runTo(100);
    assert.deepEqual(seen, [15]);
  });

  it('wakes by a schedule again and again, until it is cancelled', async () => {
    const time = new VirtualTime();
    const lane = time.createLane(1);
    const seen: number[] = [];
    const cancel = lane.cron(every(100, 0.5), () => {
      seen.push(time.nowMs);
      if (seen.length === 3) cancel();
    });
    await time.run(1_000);
    assert.deepEqual(seen, [150, 250, 350]);
  });
});

describe('a value that comes later', () => {
  it('is handed out at its instant, after the call, without a native promise', async () => {
    const time = new VirtualTime();
    const lane = time.createLane(1);
    const seen: unknown[] = [];
    const later = new Later<number>(lane);
    lane.after(10, () => {
      later.then((value) => seen.push(value));
      later.settle(1);
      later.settle(2);
      seen.push('called');
    });
    await time.run(10);
    assert.deepEqual(seen, ['called', 1]);
  });

  it('can be awaited, and hands on what its followers make of it', async () => {
    const time = new VirtualTime();
    const lane = time.createLane(1);
    const value = Later.of(lane, 20).then((n) => Later.of(lane, n + 1));
    const got = (async () => await value)();
    await time.settle();
    assert.equal(await got, 21);
  });
});

describe('the wall clock of a lane', () => {
  it('jumps and drifts, and keeps what it has gained', async () => {
    const time = new VirtualTime();
    const clock = new LaneClock(() => time.nowMs, 1_000_000);
    clock.drift(100_000);
    await time.run(1_000);
    assert.equal(clock.wallMs(), 1_001_100);
    clock.drift(0);
    clock.jump(-500);
    await time.run(2_000);
    assert.deepEqual([clock.wallMs(), clock.monotonicMs()], [1_001_600, 2_000]);
  });

  it('is never set to before 1970, and says how far it went', () => {
    const clock = new LaneClock(() => 0, 5_000);
    assert.equal(clock.jump(-3_600_000), -5_000);
    assert.equal(clock.wallMs(), 0);
    assert.equal(clock.jump(5_000), 5_000);
    assert.equal(clock.wallMs(), 5_000);
  });
});
