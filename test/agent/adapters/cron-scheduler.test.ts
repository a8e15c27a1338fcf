import assert from 'node:assert/strict';
import sinon from 'sinon';
import { createCronScheduler } from '../../../agent/adapters/cron-scheduler.js';

const everySecond = { expression: '* * * * * *', timezone: 'UTC' };

describe('The scheduler', () => {
  describe('after a delay', () => {
    let clock: sinon.SinonFakeTimers;
    beforeEach(() => {
      clock = sinon.useFakeTimers();
    });
    afterEach(() => {
      clock.restore();
    });

    it('wakes once', () => {
      let woken = 0;
      createCronScheduler().after(100, () => woken++);
      clock.tick(99);
      assert.equal(woken, 0);
      clock.tick(1);
      clock.tick(1_000);
      assert.equal(woken, 1);
    });

    it('wakes no earlier over delays that overflow a timer of Node', () => {
      let woken = 0;
      const delayMs = 2 ** 31 + 5_000;
      createCronScheduler().after(delayMs, () => woken++);
      clock.tick(delayMs - 1);
      assert.equal(woken, 0);
      clock.tick(1);
      assert.equal(woken, 1);
    });

    it('does not wake when it is cancelled, also in the middle of a long delay', () => {
      let woken = 0;
      const cancel = createCronScheduler().after(2 ** 32, () => woken++);
      clock.tick(2 ** 31 + 1);
      cancel();
      cancel();
      clock.tick(2 ** 33);
      assert.equal(woken, 0);
    });
  });

  describe('on a schedule', () => {
    const startMs = Date.UTC(2026, 0, 1, 12, 0, 10);
    let clock: sinon.SinonFakeTimers;
    beforeEach(() => {
      clock = sinon.useFakeTimers({ now: startMs });
    });
    afterEach(() => {
      clock.restore();
    });

    /** The wall clock at each wake-up, as text. */
    const record = (expression: string, timezone = 'UTC'): string[] => {
      const woken: string[] = [];
      createCronScheduler().cron({ expression, timezone }, () => {
        woken.push(new Date().toISOString());
      });
      return woken;
    };

    it('wakes at the very instants', () => {
      const woken = record('*/2 * * * *');
      clock.tick(5 * 60_000);
      assert.deepEqual(woken, ['2026-01-01T12:02:00.000Z', '2026-01-01T12:04:00.000Z']);
    });

    it('looks at few instants where the clock has jumped by 56 years', () => {
      const times: number[] = [];
      const system = { monotonicMs: () => performance.now(), wallMs: () => Date.now() };
      let woken = 0;
      clock.setSystemTime(0);
      createCronScheduler({
        ...system,
        wallMs: () => {
          times.push(Date.now());
          return Date.now();
        },
      }).cron(everySecond, () => woken++);
      clock.tick(5_000);
      clock.setSystemTime(startMs);
      clock.tick(5_000);
      assert.ok(woken >= 8 && woken <= 10, `${woken} wake-ups in ten seconds`);
      assert.ok(times.length < 40, `${times.length} looks at the clock`);
    });

    it('leaves out the instant that a jump has passed over, and keeps to the new time', () => {
      const woken = record('0 13 * * *');
      clock.tick(30_000);
      clock.setSystemTime(Date.UTC(2026, 0, 1, 15));
      clock.tick(3_600_000);
      assert.deepEqual(woken, []);
      clock.setSystemTime(Date.UTC(2026, 0, 1, 12, 58));
      clock.tick(600_000);
      assert.deepEqual(woken, ['2026-01-01T13:00:00.000Z']);
    });

    it('neither loses nor repeats an instant where the clock is put by half a minute', () => {
      const woken = record('0 * * * *');
      clock.setSystemTime(Date.UTC(2026, 0, 1, 12, 59, 45));
      clock.tick(5_000);
      clock.setSystemTime(Date.UTC(2026, 0, 1, 13, 0, 20));
      clock.tick(5_000);
      assert.equal(woken.length, 1);
      clock.setSystemTime(Date.UTC(2026, 0, 1, 12, 59, 55));
      clock.tick(60_000);
      assert.equal(woken.length, 1);
    });

    it('wakes once for all instants of a time in which the process stood still', () => {
      const woken = record('* * * * * *');
      clock.tick(2_000);
      assert.equal(woken.length, 2);
      clock.setSystemTime(Date.now() + 20_000);
      clock.tick(1_000);
      assert.equal(woken.length, 3);
    });

    it('sees a jump within two seconds', () => {
      const woken = record('30 7 * * *');
      clock.setSystemTime(Date.UTC(2030, 5, 1, 7, 29, 57));
      clock.tick(4_000);
      assert.equal(woken.length, 1);
    });

    it('keeps to the time zone of the schedule', () => {
      const woken = record('0 18 * * *', 'Asia/Kolkata');
      clock.tick(3_600_000);
      assert.deepEqual(woken, ['2026-01-01T12:30:00.000Z']);
    });
  });

  it('wakes at the instants of a cron expression until it is ended', async () => {
    const end = await new Promise<() => void>((resolve) => {
      const stop = createCronScheduler().cron(everySecond, () => {
        resolve(stop);
      });
    });
    end();
    end();
  });

  for (const expression of [
    '',
    'hourly',
    '* * * *',
    '60 * * * *',
    '* * * * * * *',
    '*/0 * * * *',
  ]) {
    it(`refuses ${JSON.stringify(expression)}`, () => {
      assert.throws(
        () => createCronScheduler().cron({ expression, timezone: 'UTC' }, () => undefined),
        {
          code: 'schedule-invalid',
        },
      );
    });
  }
});
