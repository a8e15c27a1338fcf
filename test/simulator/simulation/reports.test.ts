import assert from 'node:assert/strict';
import { demoRelease, halfWrongFleet, runText } from './scenario-runner.js';

const beginning = (keys: string): string => `
name: test
duration: 20 min
period: 10 s
${keys}
fleet:
  - {count: 4, site: hall-1, sensor: {kind: vibration, environment: laboratory}}
releases:
${demoRelease('v1', 1)}${demoRelease('v2', 2)}`;

describe('reports, telemetry and labels of a scenario', () => {
  it('come as often as it says', async () => {
    const { exit, reason, messages } = await runText(`${beginning('report: 30 s\ntelemetry: 2 min')}
timeline: [{at: 0, publish: v1}]
expect: [reports.missing = 0]
`);
    assert.equal(exit, 0, reason);
    // The first after one to two periods, by the share of the device.
    assert.ok(between(messages['report']?.count, 4 * 38, 4 * 39), JSON.stringify(messages));
    assert.ok(between(messages['telemetry']?.count, 4 * 8, 4 * 9), JSON.stringify(messages));
  });

  it('are complete without telemetry, and what a device drops is known all the same', async () => {
    const { exit, reason, messages, windows } = await runText(`${beginning('telemetry: off')}
timeline:
  - {at: 0, publish: v1}
  - {at: 5 min..10 min, fault: {slow: 1000000 x}}
expect: [windows.lost = 0, reports.missing = 0]
`);
    assert.equal(exit, 0, reason);
    assert.equal(messages['telemetry'], undefined);
    assert.ok(windows.dropped > 0, JSON.stringify(windows));
  });

  it('are missing where the controller of a rollout did not hear them, and only those', async () => {
    const { exit, reason } = await runText(`${beginning('report: 1 s')}
labels: {delay: 1 s}
timeline:
  - {at: 0, publish: v1}
  - {at: 5 min, rollout: v2, as: r, over: 10 min, step-soak: 10 min}
  - {at: 10 min, fault: {broker: restart}}
  - {at: 12 min, fault: {broker: restart, away: 20 s}}
expect: [reports.missing = 0 at 10 min, reports.missing > 0, reports.missing < 240]
`);
    assert.equal(exit, 0, reason);
  });

  it('come over MQTT 3.1.1 where the broker speaks no other', async () => {
    const { exit, reason, releases } = await runText(`${beginning('broker: {mqtt: 3.1.1}')}
timeline:
  - {at: 0, publish: v1}
  - {at: 3 min, fault: {broker: restart, store: lost}}
  - {at: 5 min, publish: v2}
expect: [windows.lost = 0]
`);
    assert.equal(exit, 0, reason);
    assert.deepEqual(releases, { v2: 4 });
  });

  it('name disagreements, of which labels are enough for a verdict', async () => {
    const scenario = `${beginning('report: 10 s\nlabels: {of: disagreements, delay: 1 s}')}
timeline:
  - {at: 0, publish: v1}
  - {at: 2 min, rollout: v3, as: r, over: 5 min, step-soak: 20 s}
expect: [rollout(r).ends != promoted]
`.replace('environment: laboratory', 'environment: field');
    const { exit, reason, messages, rollouts } = await runText(
      scenario.replace('timeline:', `${demoRelease('v3', 3)}timeline:`),
    );
    assert.equal(exit, 0, reason);
    const labels = messages['labels']?.count ?? 0;
    assert.ok(labels > 0 && labels < 200, String(labels));
    assert.ok(rollouts['r']?.loss.truth !== undefined);
  });

  it('tell what is true of a rollout beside its verdict', async () => {
    const { rollouts, reason, exit } = await runText(`${halfWrongFleet('1 h')}
  - {at: 4 min, rollout: good, as: better, over: 2 min, step-soak: 20 s}
expect: [rollout(better).wrong < 0, windows.lost = 0]
`);
    assert.equal(exit, 0, reason);
    const { truth, lower, upper } = rollouts['better']?.loss ?? {};
    assert.ok(truth !== undefined && truth < -0.3 && truth > -0.7, JSON.stringify(rollouts));
    assert.ok((lower ?? 1) <= truth && truth <= (upper ?? -1), JSON.stringify(rollouts));
  });

  it('are believed of a swapped device once it is enrolled again, also in a rollout that runs', async () => {
    const ends = async (enrolled: string): Promise<string | undefined> => {
      const { rollouts, reason, exit } = await runText(`${halfWrongFleet('40 min')}
  - {at: 2 min, rollout: good, as: r, over: 2 min, step-soak: 20 s}
  - {at: 150 s, fault: {swap: true, where: id = sim-00001}}
  - {at: 3 min, enrol: again, where: id = ${enrolled}}
`);
      assert.equal(exit, 0, reason);
      return rollouts['r']?.ends;
    };
    assert.equal(await ends('sim-00001'), 'promoted');
    // What a stranger signs closes no round.
    assert.equal(await ends('sim-00002'), 'running');
  });
});

function between(count: number | undefined, least: number, most: number): boolean {
  return count !== undefined && count >= least && count <= most;
}
