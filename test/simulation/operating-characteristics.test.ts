import assert from 'node:assert/strict';
import {
  concentrationFor,
  logEValue,
  logEValueAbove,
} from '../../protocol/statistics/beta-binomial.js';
import type { EventCounts } from '../../protocol/statistics/rare-events.js';
import { Prng } from '../../simulator/prng.js';

/**
 * Do the tests keep their promise where the truth is known? Every simulated experiment is looked at after each
 * observation, and one alarm at any time is a false alarm. The same for a test that makes no such promise shows
 * that a broken one would be found.
 */

const alpha = 0.05;
const enough = Math.log(1 / alpha);
const runs = 400;
/** Three standard deviations of sampling above what is promised. */
const mostFalseAlarms = alpha + 3 * Math.sqrt((alpha * (1 - alpha)) / runs);
const concentration = concentrationFor(100, alpha);

describe('a test that is looked at after every observation', () => {
  const rows: readonly {
    readonly name: string;
    readonly stop: (prng: Prng) => number | undefined;
  }[] = [
    {
      name: 'a stream against its chance, two-sided',
      stop: (prng) => stream(prng, 0.05, (counts) => logEValue(counts, 0.05, concentration)),
    },
    {
      name: 'a stream against a larger chance',
      stop: (prng) => stream(prng, 0.05, (counts) => logEValueAbove(counts, 0.05, concentration)),
    },
    { name: 'events of 1% of pairs', stop: (prng) => pairs(prng, [0.01, 0.01], moreEvents) },
    { name: 'events of 5% of pairs', stop: (prng) => pairs(prng, [0.05, 0.05], moreEvents) },
    { name: 'events of 50% of pairs', stop: (prng) => pairs(prng, [0.5, 0.5], moreEvents) },
    { name: 'events that come and go with the day', stop: withDays },
    { name: 'events along the steps of a ramp', stop: alongRamp },
    {
      name: 'first events of devices that differ',
      stop: (prng) => unlikeDevices(prng, 'first event'),
    },
  ];
  for (const { name, stop } of rows) {
    it(`raises no more false alarms than it promises: ${name}`, () => {
      const share = alarms(stop);
      assert.ok(share <= mostFalseAlarms, `${share} > ${mostFalseAlarms}`);
    });
  }

  it('has many more of them where it is the z-test, which may be looked at once', () => {
    const share = alarms((prng) => pairs(prng, [0.05, 0.05], naive));
    assert.ok(share > 0.15, `${share}`);
  });

  it('has more of them where every window of a device counts, not its first event', () => {
    const share = alarms((prng) => unlikeDevices(prng, 'every event'));
    assert.ok(share > mostFalseAlarms, `${share}`);
  });
});

describe('harm', () => {
  // Devices per arm until the alarm, measured with these seeds; a quarter of it either way is another test.
  const rows = [
    { from: 0.05, to: 0.1, median: 377 },
    { from: 0.05, to: 0.3, median: 47 },
  ];
  for (const { from, to, median } of rows) {
    it(`is found when events go from ${from} to ${to} of devices, in about ${median} per arm`, () => {
      const stops = all((prng) => pairs(prng, [to, from], moreEvents)).map((at) => at ?? Infinity);
      const found = stops.sort((a, b) => a - b)[runs / 2] ?? NaN;
      assert.ok(Math.abs(found - median) < median / 4, `${found}`);
    });
  }
});

/** When each of the simulated experiments stops; undefined where it does not. */
function all(stop: (prng: Prng) => number | undefined): readonly (number | undefined)[] {
  return Array.from({ length: runs }, (_, run) => stop(Prng.fromSeed(2026).fork(run)));
}

function alarms(stop: (prng: Prng) => number | undefined): number {
  return all(stop).filter((at) => at !== undefined).length / runs;
}

/** One stream of 1000 devices of chance p. */
function stream(
  prng: Prng,
  p: number,
  logE: (counts: { successes: number; n: number }) => number,
): number | undefined {
  let successes = 0;
  for (let n = 1; n <= 1000; n++) {
    if (happens(prng, p)) successes++;
    if (logE({ successes, n }) >= enough) return n;
  }
  return undefined;
}

/** Up to 2000 pairs of a treated and a control device; whether to stop is asked after every pair. */
function pairs(
  prng: Prng,
  [pTreated, pControl]: readonly [treated: number, control: number],
  stops: (events: EventCounts, n: number) => boolean,
): number | undefined {
  let treated = 0;
  let control = 0;
  for (let n = 1; n <= 2000; n++) {
    if (happens(prng, pTreated)) treated++;
    if (happens(prng, pControl)) control++;
    if (stops({ treated, control }, n)) return n;
  }
  return undefined;
}

/** Against equal rates: each event is a treated device's with the chance of their share of the exposure. */
function logEValueOfExcess({ treated, control }: EventCounts, treatedShare: number): number {
  return logEValueAbove({ successes: treated, n: treated + control }, treatedShare, concentration);
}

function moreEvents(events: EventCounts): boolean {
  // A bet on more treated events than control events wins nothing while there are none.
  if (events.treated <= events.control) return false;
  return logEValueOfExcess(events, 0.5) >= enough;
}

/** The z-test of two proportions, one-sided at 5%, from 30 pairs on. */
function naive({ treated, control }: EventCounts, n: number): boolean {
  const pooled = (treated + control) / (2 * n);
  const z = (treated - control) / Math.sqrt(2 * n * pooled * (1 - pooled));
  return n >= 30 && z > 1.645;
}

/** Pairs whose events are ten times as frequent at noon as at night, for both arms. */
function withDays(prng: Prng): number | undefined {
  let treated = 0;
  let control = 0;
  for (let n = 1; n <= 2000; n++) {
    const p = 0.055 + 0.045 * Math.sin(n / 50);
    if (happens(prng, p)) treated++;
    if (happens(prng, p)) control++;
    if (moreEvents({ treated, control })) return n;
  }
  return undefined;
}

/** Devices of which ever more are treated; each step has counts of its own, and its evidence is kept. */
function alongRamp(prng: Prng): number | undefined {
  let kept = 0;
  for (const treatedShare of [0.01, 0.05, 0.1, 0.25, 0.5]) {
    const events = { treated: 0, control: 0 };
    let now = 0;
    for (let n = 1; n <= 1000; n++) {
      const treated = happens(prng, treatedShare);
      if (!happens(prng, 0.05)) continue;
      events[treated ? 'treated' : 'control']++;
      now = logEValueOfExcess(events, treatedShare);
      if (kept + now >= enough) return n;
    }
    kept += now;
  }
  return undefined;
}

/**
 * A hundred devices per arm over 60 windows. Half of them have events at twice the mean rate and half have none,
 * which is an intra-class correlation of 0.05.
 */
function unlikeDevices(prng: Prng, counted: 'first event' | 'every event'): number | undefined {
  const devices = Array.from({ length: 200 }, (_, i) => ({
    arm: i % 2 === 0 ? ('treated' as const) : ('control' as const),
    p: happens(prng, 0.513) ? 0.0975 : 0,
    counted: false,
  }));
  const events = { treated: 0, control: 0 };
  for (let window = 1; window <= 60; window++) {
    for (const device of devices) {
      if (!happens(prng, device.p) || (device.counted && counted === 'first event')) continue;
      device.counted = true;
      events[device.arm]++;
      if (moreEvents(events)) return window;
    }
  }
  return undefined;
}

function happens(prng: Prng, p: number): boolean {
  return prng.uniform(0, 1) < p;
}
