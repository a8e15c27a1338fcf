import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CronSchedule } from '../../../../agent/adapters/schedule/cron-schedule.js';

const hourMs = 3_600_000;

/** Every instant of a span, in UTC, hours and minutes only. */
function instants(expression: string, timezone: string, from: string, hours: number): string[] {
  const schedule = new CronSchedule({ expression, timezone });
  const untilMs = Date.parse(from) + hours * hourMs;
  const found: string[] = [];
  let atMs = schedule.next(Date.parse(from) - 1, untilMs);
  while (atMs !== undefined) {
    found.push(new Date(atMs).toISOString().slice(11, 16));
    atMs = schedule.next(atMs, untilMs);
  }
  schedule.close();
  return found;
}

describe('A cron schedule in Europe/Berlin', () => {
  /** At 01:00 UTC clocks go from 02:00 to 03:00. */
  const spring = '2026-03-29T00:00:00Z';
  /** At 01:00 UTC clocks go from 03:00 back to 02:00. */
  const autumn = '2026-10-25T00:00:00Z';

  for (const [name, expression, from, expected] of [
    ['each half hour goes on in spring', '*/30 * * * *', spring, '00:00 00:30 01:00 01:30 02:00'],
    ['each half hour goes on in autumn', '*/30 * * * *', autumn, '00:00 00:30 01:00 01:30 02:00'],
    ['each full hour goes on in spring', '0 * * * *', spring, '00:00 01:00 02:00'],
    ['each full hour goes on in autumn', '0 * * * *', autumn, '00:00 01:00 02:00'],
    ['@hourly goes on in autumn', '@hourly', autumn, '00:00 01:00 02:00'],
    ['half past two comes at three in spring', '30 2 * * *', spring, '01:00'],
    ['two o’clock comes at three in spring', '0 2 * * *', spring, '01:00'],
    ['all that is left out comes once in spring', '0,20,40 2 * * *', spring, '01:00'],
    ['two and three o’clock are one in spring', '0 2,3 * * *', spring, '01:00'],
    ['half past two with seconds comes in spring', '15 30 2 * * *', spring, '01:00'],
    ['half past two comes once in autumn', '30 2 * * *', autumn, '00:30'],
    ['two o’clock comes once in autumn', '0 2 * * *', autumn, '00:00'],
    ['half past three is not touched in spring', '30 3 * * *', spring, '01:30'],
    ['half past three is not touched in autumn', '30 3 * * *', autumn, '02:30'],
    ['a day that the schedule leaves out stays out', '30 2 * * 1', spring, ''],
  ] as const) {
    it(name, () => {
      const hours = name.includes('three is') ? 3 : 2;
      assert.equal(instants(expression, 'Europe/Berlin', from, hours).join(' '), expected);
    });
  }

  it('has as many minutes in a day as the day has, in spring and in autumn', () => {
    assert.equal(instants('* * * * *', 'Europe/Berlin', '2026-03-28T23:00:00Z', 23).length, 1381);
    assert.equal(instants('* * * * *', 'Europe/Berlin', '2026-10-24T22:00:00Z', 25).length, 1501);
  });
});

describe('A cron schedule', () => {
  it('comes once on each day around a shift wherever it names one hour and minute', function () {
    this.timeout(300_000);
    for (const [timezone, shift] of [
      ['Europe/Berlin', '2026-03-29T01:00:00Z'],
      ['America/New_York', '2026-11-01T06:00:00Z'],
      ['Australia/Lord_Howe', '2026-10-03T15:30:00Z'],
      ['Asia/Kathmandu', '2026-05-05T00:00:00Z'],
    ] as const) {
      for (const time of ['45 1', '0 2', '15 2']) {
        const from = new Date(Date.parse(shift) - 36 * hourMs).toISOString();
        const found = instants(`${time} * * *`, timezone, from, 72);
        assert.equal(found.length, 3, `${time} in ${timezone}: ${found.join(' ')}`);
      }
    }
  });

  it('finds the same instants in two spans as in one', () => {
    const schedule = new CronSchedule({ expression: '*/7 */5 * * * *', timezone: 'Asia/Tokyo' });
    fc.assert(
      fc.property(fc.nat(4_000_000_000), fc.nat(120_000), fc.nat(120_000), (at, first, second) => {
        const fromMs = at * 1000;
        const middleMs = fromMs + first;
        const endMs = middleMs + second;
        const whole = schedule.next(fromMs, endMs);
        assert.equal(schedule.next(fromMs, middleMs) ?? schedule.next(middleMs, endMs), whole);
      }),
      { numRuns: 50 },
    );
    schedule.close();
  });

  it('has no instant in a span that lies before its beginning', () => {
    const schedule = new CronSchedule({ expression: '* * * * * *', timezone: 'UTC' });
    assert.equal(schedule.next(Date.UTC(2026, 0, 1), Date.UTC(1970, 0, 1)), undefined);
    schedule.close();
  });

  it('refuses what is no expression', () => {
    for (const expression of ['', 'often', '61 * * * *', '* * *', '* * * * * * *']) {
      assert.throws(() => new CronSchedule({ expression, timezone: 'UTC' }), {
        code: 'schedule-invalid',
      });
    }
  });
});
