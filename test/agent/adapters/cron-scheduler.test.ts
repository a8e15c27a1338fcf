import assert from 'node:assert/strict';
import sinon from 'sinon';
import { createCronScheduler } from '../../../agent/adapters/cron-scheduler.js';

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

  it('wakes at the instants of a cron expression until it is ended', async () => {
    const end = await new Promise<() => void>((resolve) => {
      const stop = createCronScheduler().cron('* * * * * *', () => {
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
      assert.throws(() => createCronScheduler().cron(expression, () => undefined), {
        code: 'schedule-invalid',
      });
    });
  }
});
