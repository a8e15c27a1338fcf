import assert from 'node:assert/strict';
import sinon from 'sinon';
import { createCronScheduler } from '../../../agent/adapters/cron-scheduler.js';
import { createSystemClock } from '../../../agent/adapters/system-clock.js';
import { ramp, usualRate } from '../../../simulator/live/ramp.js';

describe('A ramp', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => {
    clock = sinon.useFakeTimers();
  });
  afterEach(() => {
    clock.restore();
  });
  const begin = (count: number, perSecond: number): { started: number[]; end: () => void } => {
    const started: number[] = [];
    const all = Array.from({ length: count }, (_, i) => i);
    const ports = { clock: createSystemClock(), scheduler: createCronScheduler() };
    const end = ramp(all, perSecond, ports, (each) => started.push(each));
    return { started, end };
  };

  it('starts so many a second, in order', () => {
    const { started } = begin(100, 20);
    clock.tick(1_000);
    assert.ok(started.length >= 19 && started.length <= 21, String(started.length));
    clock.tick(4_000);
    assert.deepEqual(
      started,
      Array.from({ length: 100 }, (_, i) => i),
    );
    assert.equal(clock.countTimers(), 0);
  });

  it('starts few in one turn of the event loop, whatever rate is asked for', () => {
    const { started } = begin(100, Infinity);
    assert.equal(started.length, 16);
    clock.tick(20);
    assert.equal(started.length, 32);
  });

  it('starts none any more once it is ended', () => {
    const { started, end } = begin(100, 10);
    clock.tick(500);
    end();
    const before = started.length;
    clock.tick(10_000);
    assert.equal(started.length, before);
  });

  it('starts 20 a second, a larger fleet within ten seconds, and a large one at 200 a second', () => {
    assert.deepEqual([3, 50, 500, 5_000].map(usualRate), [20, 20, 50, 200]);
  });
});
