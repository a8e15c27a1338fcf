import assert from 'node:assert/strict';
import type { Outcome } from '../../../simulator/simulation/outcome.js';
import { demoRelease, runText } from './scenario-runner.js';

/** Each fault of the scenario contract once, on seven devices, while releases come in and one is rolled out. */
const text = `
name: every-fault
duration: 4 h
period: 20 s
report: 20 s
telemetry: 2 min
fleet:
  - {count: 3, name: wired, site: hall-1, sensor: {kind: vibration, environment: laboratory}}
  - {count: 2, name: radio, site: hall-2, link: lte-m, sensor: {kind: vibration, environment: laboratory}}
  - {count: 2, name: spare, site: hall-3, sensor: {kind: vibration, environment: field}}
labels: {share: 100 %, delay: 1 s..10 s, wrong: 1 %}
releases:
${demoRelease('v1', 1, ', behaves: {wrong: 40 %}')}${demoRelease('v2', 2)}${demoRelease('v3', 3)}
timeline:
  - {at: 0, publish: v1}
  - {at: 3 min..20 min, fault: {loss: 1 %, where: group = wired}}
  - {at: 3 min..20 min, fault: {duplicate: 5 %}}
  - {at: 3 min..20 min, fault: {reorder: 5 %}}
  - {at: 3 min..20 min, fault: {delay: 100 ms..2 s, where: site = hall-2}}
  - {at: 21 min..24 min, fault: {partition: true, where: site = hall-1}}
  - {at: 21 min..24 min, fault: {one-way: up, where: id = sim-00004}}
  - {at: 21 min..24 min, fault: {half-open: true, where: id = sim-00005}}
  - {at: 25 min..35 min, fault: {bandwidth: 20 kbit/s, where: site = hall-2}}
  - {at: 30 min, rollout: v2, as: r, over: 4 min, step-soak: 1 min, horizon: 3 h}
  - {at: 31 min..60 min, fault: {controller-kill: every write, away: 5 s}}
  - {at: 33 min, fault: {broker: restart, store: kept}}
  - {at: 36 min, fault: {broker: restart, store: lost, away: 10 s}}
  - {at: 37 min..39 min, fault: {broker: withhold, what: policies}}
  - {at: 37 min..39 min, fault: {broker: withhold, what: beacon}}
  - {at: 40 min..42 min, fault: {broker: withhold, what: manifests}}
  - {at: 40 min..42 min, fault: {broker: withhold, what: blocks}}
  - {at: 45 min, fault: {broker: replay, age: 20 min}}
  - {at: 46 min..100 min, fault: {power-cut: 100/device/day, torn: true, away: 1 s..30 s}}
  - {at: 50 min, fault: {power-cut: operation 3, torn: true, where: site = hall-1}}
  - {at: 55 min, fault: {bit-rot: 1, share: 50 %}}
  - {at: 60 min..63 min, fault: {disk-full: true, where: id = sim-00001}}
  - {at: 60 min..63 min, fault: {eio: true, where: id = sim-00002}}
  - {at: 60 min..63 min, fault: {read-only: true, where: id = sim-00003}}
  - {at: 64 min..70 min, fault: {slow: 1..20 x}}
  - {at: 64 min..70 min, fault: {memory: 50 %, where: id = sim-00001}}
  - {at: 66 min, fault: {worker-crash: now, share: 50 %}}
  - {at: 70 min..80 min, fault: {clock-skew: -1 h..1 h}}
  - {at: 70 min..80 min, fault: {clock-drift: 100 ppm}}
  - {at: 72 min, fault: {clock-jump: 56 days, where: id = sim-00004}}
  - {at: 73 min, fault: {clock-jump: "1970-01-01T00:00:00Z", where: id = sim-00005}}
  - {at: 74 min..80 min, fault: {clock-jump: 100/device/day, by: -1 h..1 h}}
  - {at: 81 min..90 min, fault: {sensor: stuck, where: id = sim-00006}}
  - {at: 81 min..90 min, fault: {sensor: silent, where: id = sim-00007}}
  - {at: 91 min..99 min, fault: {sensor: noise, rms: 0.05, where: group = spare}}
  - {at: 91 min..99 min, fault: {sensor: gain, factor: 1.2 x, where: group = spare}}
  - {at: 91 min..99 min, fault: {sensor: offset, add: 0.1, over: 5 min, where: group = spare}}
  - {at: 100 min, fault: {swap: true, where: id = sim-00006}}
  - {at: 101 min, enrol: again, where: id = sim-00006}
  - {at: 30 min..110 min, fault: {lying: better, where: id = sim-00007}}
  - {at: 120 min, fault: {controller-kill: now}}
  - {at: 125 min, fault: {controller-kill: write 2, away: 20 s}}
  - {at: 170 min, fault: {stolen-key: beacon}}
  - {at: 171 min, fault: {stolen-key: policy}}
  - {at: 175 min, publish: v3}
expect:
  - windows.lost = 0
  - share(devices, release = none) = 0 %
  - share(devices, release = v3) = 100 %
  - events(code = state-lost) = 0
`;

/** What is of the machine that carries it out, and not of the run. */
function speedOf({ deviceMinutesPerSecond }: Outcome): Partial<Outcome> {
  return { deviceMinutesPerSecond };
}

describe('a scenario with every fault', function () {
  this.timeout(120_000);
  let outcome: Outcome;

  it('loses no window and no state, and ends with everyone on the last release', async () => {
    outcome = await runText(text);
    assert.equal(outcome.exit, 0, `${outcome.reason} ${JSON.stringify(outcome, undefined, 1)}`);
    assert.equal(outcome.rollouts['r']?.ends, 'promoted');
    const { completed, answered, dropped, cut } = outcome.windows;
    assert.equal(completed, answered + dropped + cut, JSON.stringify(outcome.windows));
  });

  it('is the same in two threads, with every signal and inference computed', async () => {
    const again = await runText(text, undefined, { shards: 2, remembers: false });
    assert.deepEqual({ ...again, wallMs: 0 }, { ...outcome, wallMs: 0, ...speedOf(again) });
  });

  it('is the same in eight threads', async () => {
    const again = await runText(text, undefined, { shards: 8 });
    assert.deepEqual({ ...again, wallMs: 0 }, { ...outcome, wallMs: 0, ...speedOf(again) });
  });
});
