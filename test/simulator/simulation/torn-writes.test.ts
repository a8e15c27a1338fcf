import assert from 'node:assert/strict';
import { demoRelease, runText } from './scenario-runner.js';

const beginning = (rest: string): string => `
name: test
duration: 40 min
period: 10 s
report: 10 s
fleet:
  - {count: 6, sensor: {kind: vibration, environment: laboratory}}
labels: {delay: 1 s}
releases:
${demoRelease('v1', 1)}${demoRelease('v2', 2)}${demoRelease('v3', 3)}
${rest}`;

describe('power cuts of a scenario that tear what was not synced', () => {
  it('lose no window and no state, while releases come in and are compared', async () => {
    const text = beginning(`timeline:
  - {at: 0, publish: v1}
  - {at: 5 s..30 min, fault: {power-cut: 600/device/day, torn: true, away: 1 s..20 s}}
  - {at: 5 min, publish: v2}
  - {at: 15 min, rollout: v3, as: r, over: 5 min, step-soak: 20 s}
expect:
  - windows.lost = 0
  - events(code = state-lost) = 0
  - share(devices, release = none) = 0 %
`);
    let [cuts, torn] = [0, 0];
    const first = await runText(text, 3, {
      writeTrace: (line) => {
        const unsynced = /"did":"power-cut","unsynced":(\d+)/.exec(line)?.[1];
        cuts += Number(unsynced !== undefined);
        torn += Number((unsynced ?? '0') !== '0');
      },
    });
    assert.equal(first.exit, 0, first.reason);
    assert.ok(cuts > 50 && torn >= 5, `${cuts} cuts, ${torn} of them torn`);
    assert.equal((await runText(text, 3)).hash, first.hash);
  });

  it('come in the middle of the operation that they name', async () => {
    for (let operation = 1; operation <= 30; operation++) {
      const { exit, reason } = await runText(
        beginning(`timeline:
  - {at: 0, publish: v1}
  - {at: 1 s, fault: {power-cut: operation ${operation}, torn: true, away: 1 s}}
expect:
  - windows.lost = 0
  - share(devices, release = v1) = 100 %
  - events(code = state-lost) = 0
`).replace('40 min', '5 min'),
        operation,
      );
      assert.equal(exit, 0, `operation ${operation}: ${reason}`);
    }
  });
});
