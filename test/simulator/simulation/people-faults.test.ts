import assert from 'node:assert/strict';
import type { Outcome } from '../../../simulator/simulation/outcome.js';
import { demoRelease, runText } from './scenario-runner.js';

const halfWrong = ', behaves: {wrong: 50 %}';

const run = (releases: string, timeline: string, expectations: string): Promise<Outcome> =>
  runText(`
name: test
duration: 30 min
period: 10 s
report: 10 s
fleet:
  - {count: 8, sensor: {kind: vibration, environment: laboratory}}
labels: {delay: 1 s}
releases:
${releases}
timeline:
  - {at: 0, publish: v1}
${timeline}
expect:
  - windows.lost = 0
${expectations}
`);

describe('what a device of a scenario signs', () => {
  const rollout = (signs: string): string => `
  - {at: 1 min, fault: {lying: ${signs}}}
  - {at: 2 min, rollout: v2, as: r, over: 2 min, step-soak: 20 s}`;

  it('decides nothing where it alone lies that a bad challenger is better', async () => {
    const { exit, reason, rollouts } = await run(
      demoRelease('v1', 1) + demoRelease('v2', 2, halfWrong),
      rollout('better, where: id = sim-00001'),
      '  - rollout(r).ends = aborted\n  - rollout(r).reason = loss',
    );
    assert.equal(exit, 0, reason);
    const { lower, truth } = rollouts['r']?.loss ?? {};
    assert.ok((lower ?? 0) > 0 && Math.abs((truth ?? 0) - 0.5) < 0.1, JSON.stringify(rollouts));
  });

  it('is believed where all lie that a good challenger is worse, and the truth beside the verdict says so', async () => {
    const { exit, reason, rollouts } = await run(
      demoRelease('v1', 1, halfWrong) + demoRelease('v2', 2),
      rollout('worse'),
      '  - rollout(r).ends = aborted',
    );
    assert.equal(exit, 0, reason);
    const { lower, truth } = rollouts['r']?.loss ?? {};
    assert.ok((lower ?? 0) > 0 && (truth ?? 0) < -0.3, JSON.stringify(rollouts));
  });
});

describe('a key of a scenario that is stolen', () => {
  const releases = demoRelease('v1', 1) + demoRelease('v2', 2) + demoRelease('v3', 3);

  it('can bring back the previous release and no other, until its owner takes over', async () => {
    const outcome = await run(
      releases,
      `  - {at: 5 min, publish: v2}
  - {at: 10 min, fault: {stolen-key: policy}}
  - {at: 15 min, publish: v3}`,
      `  - share(devices, release = v2) = 100 % at 9 min
  - share(devices, release = v1) = 100 % at 14 min
  - share(devices, release = v3) = 100 %`,
    );
    assert.equal(outcome.exit, 0, outcome.reason);
    assert.match(outcome.refused.join(), /^publish v3: published-elsewhere: /);
  });

  it('brings nothing back below the floor of a release that was promoted', async () => {
    const { exit, reason } = await run(
      demoRelease('v1', 1, halfWrong) + demoRelease('v2', 2),
      `  - {at: 1 min, rollout: v2, as: r, over: 1 min, step-soak: 10 s}
  - {at: 25 min, fault: {stolen-key: policy}}`,
      `  - rollout(r).ends = promoted within 23 min
  - share(devices, release = v2) = 100 %
  - events(code = sequence-below-floor) = 8`,
    );
    assert.equal(exit, 0, reason);
  });

  it('cannot make an old beacon believed by a new counter', async () => {
    const { exit, reason } = await run(
      releases,
      `  - {at: 5 min, publish: v2}
  - {at: 10 min, fault: {stolen-key: beacon}}
  - {at: 15 min, publish: v3}`,
      `  - events(code = beacon-replayed) = 8
  - share(devices, release = v2) = 100 % at 14 min
  - share(devices, release = v3) = 100 %`,
    );
    assert.equal(exit, 0, reason);
  });
});
