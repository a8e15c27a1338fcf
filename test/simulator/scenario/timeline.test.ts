import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { FaultEntry, TimelineEntry } from '../../../simulator/scenario/scenario.js';
import { leastWith, leastWithEntry, parse, refusalOf } from './parse.js';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const all = { kind: 'selector', conditions: [] };
const now = { kind: 'now' };
const range = (low: number, high: number, drawn = 'evenly') => ({
  kind: 'range',
  low,
  high,
  drawn,
});
const rate = (perMs: number, per = 'device') => ({ kind: 'rate', per, perMs });

/** The entry that the text stands for, beside a rollout at 1 min. */
const entry = (text: string): TimelineEntry => {
  const { timeline } = parse(leastWithEntry(text));
  const found = timeline.find((each) => each.action !== 'rollout' || each.name !== 'r');
  assert.ok(found !== undefined);
  return found;
};
const faultEntry = (keys: string, at = '1 h'): FaultEntry & { readonly atMs: number } => {
  const found = entry(`{at: ${at}, fault: {${keys}}}`);
  assert.ok(found.action === 'fault');
  return found;
};

describe('the timeline of a scenario', () => {
  const plan = {
    action: 'rollout',
    release: 'v1',
    name: 'q',
    evidence: 'labels',
    exposures: [0.1, 0.25, 0.5, 1],
    overMs: hour,
    soakMs: 0,
    inferences: 1,
    stepSoakMs: minute,
    horizonMs: day,
    safe: 0.02,
    harm: 0.01,
    alpha: 0.05,
    scope: 'these-devices',
    holdout: 0,
    spreadMs: 0,
  };
  const good: readonly (readonly [text: string, entry: unknown])[] = [
    [
      '{at: 0, publish: v1}',
      { atMs: 0, action: 'publish', release: 'v1', spreadMs: 0, soakMs: 0, inferences: 1 },
    ],
    [
      '{at: 1 h, publish: v2, spread: 10 min, soak: 5 s, inferences: 3}',
      {
        atMs: hour,
        action: 'publish',
        release: 'v2',
        spreadMs: 10 * minute,
        soakMs: 5_000,
        inferences: 3,
      },
    ],
    // Three devices, one a minute.
    [
      '{at: 0, publish: v1, ramp: 1/min}',
      { atMs: 0, action: 'publish', release: 'v1', spreadMs: 3 * minute, soakMs: 0, inferences: 1 },
    ],
    ['{at: 2 h, rollout: v1, as: q}', { atMs: 2 * hour, ...plan }],
    [
      '{at: 2 h, rollout: v1, as: q, evidence: health, exposures: [50 %, 100 %], over: 0, soak: 1 h, inferences: 9, step-soak: 0, horizon: 2 h, safe: 5 %, harm: 0 %, alpha: 10 %, scope: population, holdout: 5 %, spread: 1 min}',
      {
        atMs: 2 * hour,
        ...plan,
        evidence: 'health',
        exposures: [0.5, 1],
        overMs: 0,
        soakMs: hour,
        inferences: 9,
        stepSoakMs: 0,
        horizonMs: 2 * hour,
        safe: 0.05,
        harm: 0,
        alpha: 0.1,
        scope: 'population',
        holdout: 0.05,
        spreadMs: minute,
      },
    ],
    ...['pause', 'resume', 'abort', 'promote'].map(
      (request) =>
        [
          `{at: 1 min, rollout-request: ${request}, of: r}`,
          { atMs: minute, action: 'rollout-request', request, rollout: 'r' },
        ] as const,
    ),
    [
      '{at: 1 h, join: 5, group: group-1}',
      { atMs: hour, action: 'join', group: 'group-1', devices: { first: 4, count: 5 } },
    ],
    ['{at: 1 h, enrol: again}', { atMs: hour, action: 'enrol-again', where: all }],
    [
      '{at: 1 h, enrol: again, where: id = sim-00002}',
      {
        atMs: hour,
        action: 'enrol-again',
        where: {
          kind: 'selector',
          conditions: [{ key: 'id', isOneOf: true, values: ['sim-00002'] }],
        },
      },
    ],
  ];
  for (const [text, value] of good) {
    it(`takes ${text}`, () => {
      assert.deepEqual(entry(text), value);
    });
  }

  const bad: readonly (readonly [text: string, message: RegExp])[] = [
    [
      '{at: 0}',
      / timeline\[1\] must have an action: publish, rollout, rollout-request, join, enrol, fault/,
    ],
    [
      '{at: 0, publish: v1, join: 3}',
      / timeline\[1\] must have one action; it has publish and join/,
    ],
    ['{at: 0, publish: v1, fault: {swap: true}}', /must have one action/],
    ['{at: 0, stop: all}', /must have an action/],
    ['{}', /must have an action/],
    ['publish', / timeline\[1\] must be a map/],
    ['{publish: v1}', / timeline\[1\].at is missing/],
    ['{at: now, publish: v1}', / timeline\[1\].at must be a duration/],
    ['{at: -1 s, publish: v1}', / timeline\[1\].at must be a duration/],
    ['{at: 1 h..2 h, publish: v1}', / timeline\[1\].at must be a duration/],
    ['{at: 12 h, publish: v1}', / timeline\[1\].at must be before the end of the run/],
    ['{at: 0, publish: v3}', / timeline\[1\].publish must be a release: v1, v2; v3 is none/],
    [
      '{at: 0, publish: v1, ramp: 1/s, spread: 1 s}',
      / timeline\[1\] must not have both ramp and spread/,
    ],
    ['{at: 0, publish: v1, ramp: 0}', /must have a ramp that is one rate, and not 0/],
    ['{at: 0, publish: v1, ramp: 1..2/s}', /must have a ramp that is one rate/],
    ['{at: 0, publish: v1, ramp: 1/device/s}', / timeline\[1\].ramp must be a rate such as 200\/s/],
    ['{at: 0, publish: v1, soak: 31 day}', / timeline\[1\].soak must be a duration/],
    ['{at: 0, publish: v1, inferences: 0}', / timeline\[1\].inferences must be a whole number/],
    [
      '{at: 0, publish: v1, as: q}',
      / timeline\[1\].as is no key that is known here; there are at, publish, ramp/,
    ],
    ['{at: 0, rollout: v2}', / timeline\[1\].as is missing/],
    ['{at: 0, rollout: v3, as: q}', / timeline\[1\].rollout must be a release/],
    [
      '{at: 2 h, rollout: v2, as: r}',
      / timeline\[1\].as must be another one: two rollouts are named r/,
    ],
    [
      '{at: 0, rollout: v2, as: q, exposures: [10 %, 50 %]}',
      / timeline\[1\].exposures must rise and end with 100 %/,
    ],
    ['{at: 0, rollout: v2, as: q, exposures: [50 %, 10 %, 100 %]}', /exposures must rise/],
    ['{at: 0, rollout: v2, as: q, exposures: [10, 100]}', /exposures\[0\] must be a share/],
    ['{at: 0, rollout: v2, as: q, harm: 2 %}', / timeline\[1\] must have harm below safe/],
    ['{at: 0, rollout: v2, as: q, alpha: 60 %}', /alpha must be a share .*, 0.1 % to 50 %/],
    ['{at: 0, rollout: v2, as: q, scope: all}', /scope must be one of these-devices, population/],
    ['{at: 0, rollout: v2, as: q, evidence: hope}', /evidence must be one of labels, health/],
    ['{at: 0, rollout: v2, as: q, bake: 1 h}', /bake is no key/],
    [
      '{at: 2 min, rollout-request: stop, of: r}',
      /rollout-request must be one of pause, resume, abort, promote/,
    ],
    ['{at: 2 min, rollout-request: pause}', /of is missing/],
    [
      '{at: 2 min, rollout-request: pause, of: q}',
      /of must name a rollout that begins before; q does not/,
    ],
    [
      '{at: 0, rollout-request: pause, of: r}',
      /of must name a rollout that begins before; r does not/,
    ],
    ['{at: 0, join: 5}', /group is missing/],
    ['{at: 0, join: 0, group: group-1}', /join must be a whole number/],
    ['{at: 0, join: 5, group: presses}', /group must be a group of the fleet: group-1/],
    ['{at: 0, enrol: once}', /enrol must be again/],
    ['{at: 0, enrol: again, where: colour = red}', /where must be a selector by id, site/],
    ['{at: 0, enrol: again, where: site = hall-7}', /where must have one of site-1 for site/],
    ['{at: 0, enrol: again, share: 5 %}', /share is no key/],
  ];
  for (const [text, message] of bad) {
    it(`refuses ${text}`, () => {
      const refusal = refusalOf(leastWithEntry(text));
      assert.match(refusal, message);
      assert.match(refusal, /^line 10: /);
    });
  }

  it('is in the order of time, and in that of the file within one instant', () => {
    const { timeline } = parse(
      leastWith(
        'timeline:',
        '  - {at: 2 h, enrol: again, where: site = site-1}',
        '  - {at: 60 min, publish: v2}',
        '  - {at: 0, publish: v1}',
        '  - {at: 1 h..2 h, fault: {partition: true}}',
        '  - {at: 1 h, publish: v1}',
      ),
    );
    assert.deepEqual(
      timeline.map(({ atMs, action }) => [atMs / hour, action]),
      [
        [0, 'publish'],
        [1, 'publish'],
        [1, 'fault'],
        [1, 'publish'],
        [2, 'enrol-again'],
      ],
    );
    assert.ok(timeline[1]?.action === 'publish' && timeline[1].release === 'v2');
  });

  it('lets a ramp have its rate with those that have joined before, and joins follow each other', () => {
    const lines = [
      'timeline:',
      '  - {at: 3 h, join: 1, group: group-1}',
      '  - {at: 1 h, join: 7, group: group-1}',
      '  - {at: 2 h, publish: v1, ramp: 1/s}',
    ];
    const { timeline } = parse(leastWith(...lines));
    assert.deepEqual(
      timeline.map((each) => (each.action === 'join' ? each.devices : each)),
      [
        { first: 4, count: 7 },
        {
          atMs: 2 * hour,
          action: 'publish',
          release: 'v1',
          spreadMs: 10_000,
          soakMs: 0,
          inferences: 1,
        },
        { first: 11, count: 1 },
      ],
    );
    const { timeline: scaled } = parse(leastWith(...lines), { devices: 30 });
    assert.deepEqual(
      scaled.flatMap((each) => (each.action === 'join' ? [each.devices] : [])),
      [
        { first: 31, count: 70 },
        { first: 101, count: 10 },
      ],
    );
    assert.ok(parse(leastWith('only: [sim-00011]', ...lines)).only?.has('sim-00011'));
    assert.match(refusalOf(leastWith('only: [sim-00012]', ...lines)), /sim-00001 to sim-00011/);
  });
});

describe('a fault of a scenario', () => {
  const quiet = 9 * hour;
  const good: readonly (readonly [keys: string, fault: unknown, untilMs: number | undefined])[] = [
    ['loss: 2 %', { kind: 'loss', share: 0.02, direction: 'both' }, quiet],
    [
      'loss: 0..5 %, direction: up',
      { kind: 'loss', share: range(0, 0.05), direction: 'up' },
      quiet,
    ],
    ['duplicate: 1 %', { kind: 'duplicate', share: 0.01, direction: 'both' }, quiet],
    ['reorder: 1 %, direction: down', { kind: 'reorder', share: 0.01, direction: 'down' }, quiet],
    ['delay: 2 s', { kind: 'delay', delayMs: 2_000, direction: 'both' }, quiet],
    ['delay: 1..3 s', { kind: 'delay', delayMs: range(1_000, 3_000), direction: 'both' }, quiet],
    ['partition: true', { kind: 'partition' }, quiet],
    ['one-way: down', { kind: 'one-way', open: 'down' }, quiet],
    ['half-open: true', { kind: 'half-open' }, quiet],
    ['bandwidth: 2 kbit/s', { kind: 'bandwidth', bitPerS: 2_000 }, quiet],
    [
      'broker: restart',
      { kind: 'broker-restart', when: now, store: 'kept', awayMs: 5_000 },
      undefined,
    ],
    [
      'broker: restart, store: lost, away: 1..2 min',
      { kind: 'broker-restart', when: now, store: 'lost', awayMs: range(minute, 2 * minute) },
      undefined,
    ],
    ['broker: replay, age: 2 h', { kind: 'broker-replay', ageMs: 2 * hour }, undefined],
    ['broker: withhold, what: blocks', { kind: 'broker-withhold', what: 'blocks' }, quiet],
    ['power-cut: now', { kind: 'power-cut', when: now, torn: false, awayMs: 5_000 }, undefined],
    [
      'power-cut: operation 17, torn: true, away: 1 min',
      {
        kind: 'power-cut',
        when: { kind: 'operation', number: 17 },
        torn: true,
        awayMs: minute,
      },
      undefined,
    ],
    [
      'power-cut: 1/device/day',
      { kind: 'power-cut', when: rate(1 / day), torn: false, awayMs: 5_000 },
      quiet,
    ],
    [
      'power-cut: 3/h',
      { kind: 'power-cut', when: rate(3 / hour, 'all'), torn: false, awayMs: 5_000 },
      quiet,
    ],
    ['bit-rot: 1', { kind: 'bit-rot', bits: 1 }, undefined],
    ['bit-rot: 1..8', { kind: 'bit-rot', bits: range(1, 8, 'whole') }, undefined],
    ['disk-full: true', { kind: 'disk-full' }, quiet],
    ['eio: true', { kind: 'eio' }, quiet],
    ['read-only: true', { kind: 'read-only' }, quiet],
    ['slow: 3 x', { kind: 'slow', factor: 3 }, quiet],
    ['slow: 1..20 x', { kind: 'slow', factor: range(1, 20, 'by logarithm') }, quiet],
    ['memory: 50 %', { kind: 'memory', share: 0.5 }, quiet],
    ['worker-crash: now', { kind: 'worker-crash', when: now }, undefined],
    ['worker-crash: 2/device/h', { kind: 'worker-crash', when: rate(2 / hour) }, quiet],
    ['clock-skew: -1 h..1 h', { kind: 'clock-skew', byMs: range(-hour, hour) }, quiet],
    ['clock-drift: 100 ppm', { kind: 'clock-drift', drift: 0.0001 }, quiet],
    ['clock-drift: -50..50 ppm', { kind: 'clock-drift', drift: range(-5e-5, 5e-5) }, quiet],
    ['clock-jump: 56 days', { kind: 'clock-jump', when: now, to: { byMs: 56 * day } }, undefined],
    ['clock-jump: -1 h', { kind: 'clock-jump', when: now, to: { byMs: -hour } }, undefined],
    [
      'clock-jump: 1970-01-01T00:00:00Z',
      { kind: 'clock-jump', when: now, to: { wallMs: 0 } },
      undefined,
    ],
    [
      'clock-jump: 1/device/day, by: -1 h..1 h',
      { kind: 'clock-jump', when: rate(1 / day), to: { byMs: range(-hour, hour) } },
      quiet,
    ],
    ['sensor: stuck', { kind: 'sensor-stuck', overMs: 0 }, quiet],
    ['sensor: silent', { kind: 'sensor-silent', overMs: 0 }, quiet],
    ['sensor: noise', { kind: 'sensor-noise', rms: 0.1, overMs: 0 }, quiet],
    ['sensor: noise, rms: 3', { kind: 'sensor-noise', rms: 3, overMs: 0 }, quiet],
    ['sensor: gain, over: 1 h', { kind: 'sensor-gain', factor: 1.5, overMs: hour }, quiet],
    ['sensor: gain, factor: 2 x', { kind: 'sensor-gain', factor: 2, overMs: 0 }, quiet],
    ['sensor: offset', { kind: 'sensor-offset', add: 0.2, overMs: 0 }, quiet],
    ['sensor: offset, add: -3..3', { kind: 'sensor-offset', add: range(-3, 3), overMs: 0 }, quiet],
    ['swap: true', { kind: 'swap' }, undefined],
    ['controller-kill: now', { kind: 'controller-kill', when: now, awayMs: 10_000 }, undefined],
    [
      'controller-kill: write 3, away: 1 s',
      { kind: 'controller-kill', when: { kind: 'write', number: 3 }, awayMs: 1_000 },
      undefined,
    ],
    [
      'controller-kill: every write',
      { kind: 'controller-kill', when: { kind: 'every write' }, awayMs: 10_000 },
      quiet,
    ],
    ['lying: better', { kind: 'lying', signs: 'better' }, quiet],
    ['lying: worse', { kind: 'lying', signs: 'worse' }, quiet],
    ['stolen-key: policy', { kind: 'stolen-key', key: 'policy' }, undefined],
    ['stolen-key: beacon', { kind: 'stolen-key', key: 'beacon' }, undefined],
  ];
  const isOfDevices = (keys: string): boolean =>
    !/^(broker: re|controller-kill|stolen-key)/.test(keys);
  for (const [keys, fault, untilMs] of good) {
    it(`may be ${keys}`, () => {
      const expected = { atMs: hour, action: 'fault', fault, where: all, share: 1, untilMs };
      assert.deepEqual(faultEntry(keys), expected);
    });

    const lasts = untilMs !== undefined;
    it(`${lasts ? 'ends as it is said' : 'is over at once'}: ${keys}`, () => {
      const refusal = (more: string, at = '1 h'): string =>
        refusalOf(leastWithEntry(`{at: ${at}, fault: {${keys}${more}}}`));
      if (lasts) {
        assert.equal(faultEntry(`${keys}, for: 30 s`).untilMs, hour + 30_000);
        assert.equal(faultEntry(`${keys}, for: 90 day`).untilMs, 12 * hour);
        assert.equal(faultEntry(keys, '1 h..2 h').untilMs, 2 * hour);
        assert.equal(faultEntry(`${keys}, for: 1 h`, '11.5 h').untilMs, 12 * hour);
        assert.equal(faultEntry(keys, '11 h..12 h').untilMs, 12 * hour);
        assert.match(refusal(', for: 1 s', '1 h..2 h'), /must have one time as at/);
        assert.match(refusal('', '1 h..13 h'), /at must end with the run at the latest/);
        assert.match(refusal('', '9 h'), /at must be before 75 % of duration/);
      } else {
        assert.match(refusal(', for: 1 s'), /for/);
        assert.match(refusal('', '1 h..2 h'), /must have one time as at/);
        assert.equal(faultEntry(keys, '11.9 h').untilMs, undefined);
      }
    });

    it(`${isOfDevices(keys) ? 'is aimed at devices' : 'is not aimed at devices'}: ${keys}`, () => {
      const aimed = `${keys}, where: site = site-1 and phase != trial, share: 10 %`;
      if (isOfDevices(keys)) {
        const { where, share } = faultEntry(aimed);
        assert.deepEqual([where.conditions.length, share], [2, 0.1]);
      } else {
        const refusal = refusalOf(leastWithEntry(`{at: 1 h, fault: {${aimed}}}`));
        assert.match(refusal, /^line 10: timeline\[1\].fault.where is no key/);
      }
    });
  }

  const bad: readonly (readonly [keys: string, message: RegExp])[] = [
    ['', / timeline\[1\].fault must name a fault: loss, duplicate, reorder, delay, partition/],
    ['fire: true', /fault must name a fault/],
    ['where: site = site-1', /fault must name a fault/],
    ['constructor: true', /fault must name a fault/],
    ['loss: 1 %, delay: 1 s', /fault must name one fault; it has loss and delay/],
    ['loss: 2', /fault.loss must be a share/],
    ['loss: 101 %', /fault.loss must be a share/],
    [
      'loss: 1 %, torn: true',
      /fault.torn is no key that is known here; there are loss, direction, where, share, for/,
    ],
    ['loss: 1 %, direction: left', /fault.direction must be one of up, down, both/],
    ['partition: yes', /fault.partition must be true; it is "yes"/],
    ['partition: false', /fault.partition must be true/],
    ['partition: true, direction: up', /fault.direction is no key/],
    ['one-way: both', /fault.one-way must be one of up, down/],
    ['bandwidth: 0', /fault.bandwidth must be a bandwidth/],
    ['broker: stop', /fault must have a broker that is one of restart, replay, withhold/],
    ['broker: restart, age: 1 h', /fault.age is no key/],
    ['broker: restart, store: burnt', /fault.store must be one of kept, lost/],
    ['broker: replay', /fault.age is missing/],
    ['broker: withhold', /fault.what is missing/],
    [
      'broker: withhold, what: results',
      /fault.what must be one of policies, beacon, manifests, blocks/,
    ],
    ['power-cut: true', /fault.power-cut must be now, operation N/],
    ['power-cut: operation 0', /fault.power-cut must be now/],
    ['power-cut: operation', /fault.power-cut must be now/],
    ['power-cut: write 3', /fault.power-cut must be now/],
    ['power-cut: now, torn: yes', /fault.torn must be one of true, false; it is "yes"/],
    ['power-cut: now, away: -1 s', /fault.away must be a duration/],
    ['power-cut: now, for: 1 h', /fault must not have for: it is over at once/],
    ['bit-rot: 0', /fault.bit-rot must be a whole number/],
    ['bit-rot: 1.5', /fault.bit-rot must be a whole number/],
    ['slow: 0 x', /fault.slow must be a factor/],
    ['slow: 3', /fault.slow must be a factor/],
    ['memory: 200 %', /fault.memory must be a share/],
    ['worker-crash: operation 3', /fault.worker-crash must be now, or a rate/],
    ['clock-skew: 1', /fault.clock-skew must be a duration/],
    ['clock-drift: 100', /fault.clock-drift must be a drift such as 100 ppm/],
    [
      'clock-jump: far',
      /fault.clock-jump must be a duration such as 56 days, -36500 day to 36500 day, an instant, or a rate with by/,
    ],
    ['clock-jump: 40000 day', /fault.clock-jump must be a duration/],
    ['power-cut: -1/device/day', /fault.power-cut must be now/],
    ['worker-crash: 9999/ms', /fault.worker-crash must be now/],
    ['clock-jump: 1/device/day', /fault.by is missing/],
    ['clock-jump: 1 h, by: 1 h', /fault.by is no key/],
    ['clock-jump: 1970-13-01T00:00:00Z', /fault.clock-jump must be/],
    ['sensor: blind', /fault must have a sensor that is one of stuck, silent, noise, gain, offset/],
    ['sensor: stuck, rms: 1', /fault.rms is no key/],
    ['sensor: noise, factor: 2 x', /fault.factor is no key/],
    ['sensor: noise, rms: -1', /fault.rms must be a number/],
    ['swap: now', /fault.swap must be true/],
    ['controller-kill: operation 3', /fault.controller-kill must be now, write N/],
    ['controller-kill: 1/h', /fault.controller-kill must be now, write N/],
    ['lying: true', /fault.lying must be one of better, worse/],
    ['stolen-key: manifest', /fault.stolen-key must be one of policy, beacon/],
    ['loss: 1 %, share: 0..5 %', /fault.share must be a share/],
    ['loss: 1 %, where: hall', /fault.where must be a selector/],
    ['loss: 1 %, where: release = v9', /fault.where must have one of v1, v2, none for release/],
    ['loss: 1 %, for: 0', /fault.for must be a duration/],
  ];
  for (const [keys, message] of bad) {
    it(`is refused as ${keys || 'nothing'}`, () => {
      const refusal = refusalOf(leastWithEntry(`{at: 1 h, fault: {${keys}}}`));
      assert.match(refusal, message);
      assert.match(refusal, /^line 10: /);
    });
  }

  it('is one text of the file, so that no other key of the entry stands beside it', () => {
    assert.match(
      refusalOf(leastWithEntry('{at: 1 h, fault: {loss: 1 %}, for: 1 h}')),
      /timeline\[1\].for is no key that is known here; there are at, fault/,
    );
  });

  it('never outlasts the run, and never ends before it begins', () => {
    const lasting = good.filter(([, , untilMs]) => untilMs !== undefined).map(([keys]) => keys);
    const ms = fc.nat(12 * hour + hour);
    fc.assert(
      fc.property(fc.constantFrom(...lasting), ms, fc.option(ms), (keys, atMs, forMs) => {
        const yaml = leastWithEntry(
          `{at: ${atMs} ms, fault: {${keys}${forMs === null ? '' : `, for: ${forMs + 1} ms`}}}`,
        );
        const isGood = forMs === null ? atMs < quiet : atMs < 12 * hour;
        if (!isGood) return void refusalOf(yaml);
        const { untilMs = -1 } = parse(yaml).timeline.find(
          (each) => each.action === 'fault',
        ) as FaultEntry;
        assert.ok(untilMs > atMs && untilMs <= 12 * hour);
      }),
      { numRuns: 200 },
    );
  });
});
