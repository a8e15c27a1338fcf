import assert from 'node:assert/strict';
import sinon from 'sinon';
import { createSharedCronScheduler } from '../../../simulator/live/shared-cron.js';

const everyMinute = { expression: '* * * * *', timezone: 'UTC' };

describe('The scheduler of many devices', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => {
    clock = sinon.useFakeTimers({ now: Date.UTC(2026, 0, 1, 12, 0, 10) });
  });
  afterEach(() => {
    clock.restore();
  });

  it('wakes each device after its own share of the period, every period', () => {
    const scheduler = createSharedCronScheduler();
    const woken: string[] = [];
    for (const share of [0, 0.25, 0.5]) {
      scheduler.cron({ ...everyMinute, share }, () => {
        woken.push(`${share} at ${new Date().toISOString().slice(14, 19)}`);
      });
    }
    clock.tick(120_000);
    assert.deepEqual(woken, ['0 at 01:00', '0.25 at 01:15', '0.5 at 01:30', '0 at 02:00']);
  });

  it('has one task for a thousand devices with one expression', () => {
    const scheduler = createSharedCronScheduler();
    for (let i = 0; i < 1_000; i++)
      scheduler.cron({ ...everyMinute, share: i / 1_000 }, () => undefined);
    assert.equal(clock.countTimers(), 1);
  });

  it('wakes no device that has left, not even one that waits for its share', () => {
    const scheduler = createSharedCronScheduler();
    let woken = 0;
    const leave = scheduler.cron({ ...everyMinute, share: 0.5 }, () => woken++);
    clock.tick(60_000);
    leave();
    leave();
    clock.tick(120_000);
    assert.equal(woken, 0);
    assert.equal(clock.countTimers(), 0);
  });

  it('serves a device that comes after all others have left', () => {
    const scheduler = createSharedCronScheduler();
    scheduler.cron(everyMinute, () => undefined)();
    let woken = 0;
    scheduler.cron(everyMinute, () => woken++);
    clock.tick(60_000);
    assert.equal(woken, 1);
  });

  it('refuses an expression that is none, and keeps no task of it', () => {
    const scheduler = createSharedCronScheduler();
    assert.throws(() => scheduler.cron({ expression: 'often', timezone: 'UTC' }, () => undefined), {
      code: 'schedule-invalid',
    });
    assert.equal(clock.countTimers(), 0);
  });
});
