import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileWasmCore } from '../../../agent/adapters/engine/wasm-core.js';
import { shippedBoardNames } from '../../../simulator/boards/shipped-boards.js';
import { loadScenario } from '../../../simulator/scenario/load-scenario.js';
import type { Outcome } from '../../../simulator/simulation/outcome.js';
import { runScenario } from '../../../simulator/simulation/run-scenario.js';

const models = path.dirname(fileURLToPath(import.meta.resolve('#demo-models/labels.txt')));

/** Two releases of the demo, and a fleet in the laboratory. */
const beginning = `
name: test
duration: 10 min
period: 10 s
fleet:
  - {count: 4, site: hall-1, sensor: {kind: vibration, environment: laboratory}}
  - {count: 2, site: hall-2, link: lte-m, sensor: {kind: vibration, environment: laboratory}}
releases:
  v1: {model: "demo:vibration-v1", labels: ${models}/labels.txt, pipeline: ${models}/pipeline.json}
  v2: {model: "demo:vibration-v2", labels: ${models}/labels.txt, pipeline: ${models}/pipeline.json}
`;

describe('a scenario in virtual time', () => {
  let folder: string;
  let core: WebAssembly.Module;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-scenario-'));
    core = await compileWasmCore();
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const run = async (rest: string, seed?: number): Promise<Outcome> => {
    const file = path.join(folder, 'scenario.yaml');
    writeFileSync(file, beginning + rest);
    const scenario = loadScenario(file, shippedBoardNames(), { seed });
    const agentVersion = [0, 1, 0] as const;
    return runScenario(scenario, {
      core,
      agentVersion,
      revision: '0.1.0',
      replay: '',
    });
  };

  it('installs what is published on all devices, and answers every window', async () => {
    const { exit, reason, windows, releases } = await run(`
timeline:
  - {at: 0, publish: v1}
  - {at: 3 min, publish: v2}
expect:
  - share(devices, release = v2) = 100 % within 5 min
  - windows.lost = 0
`);
    assert.equal(exit, 0, reason);
    assert.deepEqual(releases, { v2: 6 });
    assert.ok(windows.completed > 300, `${windows.completed} windows`);
    assert.equal(windows.answered + windows.late, windows.completed + windows.late);
  });

  it('gives the same log for the same seed, and another one for another', async () => {
    const rest = `
labels: {share: 50 %, delay: 1 s..10 s, wrong: 5 %}
timeline:
  - {at: 0, publish: v1}
  - {at: 1 min..7 min, fault: {power-cut: 200/device/day}}
  - {at: 2 min, rollout: v2, as: r, over: 1 min}
`;
    const [first, again, other] = [await run(rest, 7), await run(rest, 7), await run(rest, 8)];
    assert.equal(first.exit, 0, first.reason);
    assert.equal(first.hash, again.hash);
    assert.notEqual(first.hash, other.hash);
  });

  it('ends with 11 where an expectation does not hold, and says what was instead', async () => {
    const { exit, reason, expectations } = await run(`
timeline:
  - {at: 0, publish: v1}
expect:
  - count(devices, release = v1) >= 7
`);
    assert.equal(exit, 11);
    assert.equal(reason, 'expected count(devices, release = v1) >= 7; it was 6');
    assert.deepEqual(expectations, [
      { text: 'count(devices, release = v1) >= 7', held: false, value: 6, atMs: 600_000 },
    ]);
  });

  it('loses no window over loss, outages, power cuts, crashes and jumps of the clock', async () => {
    const { exit, reason, windows, events } = await run(`
timeline:
  - {at: 0, publish: v1}
  - {at: 30 s..5 min, fault: {loss: 1 %}}
  - {at: 30 s..5 min, fault: {duplicate: 5 %}}
  - {at: 30 s..5 min, fault: {reorder: 5 %}}
  - {at: 1 min..3 min, fault: {partition: true, where: site = hall-1}}
  - {at: 2 min, publish: v2}
  - {at: 3 min, fault: {broker: restart, store: lost}}
  - {at: 3 min..6 min, fault: {power-cut: 300/device/day}}
  - {at: 4 min..5 min, fault: {disk-full: true, share: 50 %}}
  - {at: 4 min, fault: {clock-jump: 56 days, where: site = hall-2}}
  - {at: 5 min, fault: {worker-crash: now, share: 50 %}}
  - {at: 5 min..6 min, fault: {slow: 20 x}}
expect:
  - windows.lost = 0
`);
    assert.equal(exit, 0, reason);
    assert.ok(windows.cut > 0 && windows.late > 0, JSON.stringify(windows));
    assert.ok(Object.keys(events).length > 0);
  });

  it('takes a device for another one where it was swapped', async () => {
    const { releases, exit, reason } = await run(`
timeline:
  - {at: 0, publish: v1}
  - {at: 3 min, fault: {swap: true, where: site = hall-2}}
expect:
  - share(devices, release = v1) = 100 % at 10 min
`);
    assert.equal(exit, 0, reason);
    assert.deepEqual(releases, { v1: 6 });
  });

  it('lets a release err on windows, and pass its self-test', async () => {
    const { exit, reason, windows } = await run(`
  bad: {model: "demo:vibration-v2", labels: ${models}/labels.txt, pipeline: ${models}/pipeline.json, behaves: {wrong: 50 %}}
timeline:
  - {at: 0, publish: bad}
expect:
  - share(devices, release = bad) = 100 %
  - events(code = self-test-mismatch) = 0
`);
    assert.equal(exit, 0, reason);
    const share = windows.wrong / windows.answered;
    assert.ok(share > 0.4 && share < 0.6, JSON.stringify(windows));
  });

  it('refuses releases that do what no release may, on every device, and serves on', async () => {
    const outcome = await run(`
  bad: {model: "demo:vibration-v2", labels: ${models}/labels.txt, pipeline: ${models}/pipeline.json, damage: self-test}
timeline:
  - {at: 0, publish: v1}
  - {at: 2 min, publish: bad}
expect:
  - events(code = self-test-mismatch) = 6
  - windows.lost = 0
`);
    assert.equal(outcome.exit, 0, outcome.reason);
    assert.deepEqual(outcome.releases, { v1: 6 });
  });

  it('counts what each device takes of energy and flash, by its board', async () => {
    const { exit, reason, energyJ, wear } = await run(`
timeline:
  - {at: 0, publish: v1}
expect:
  - energy.joules(site = hall-1) > 0
  - wear.max > 0
`);
    assert.equal(exit, 0, reason);
    assert.deepEqual(Object.keys(energyJ), ['pi4']);
    assert.ok((wear['pi4'] ?? 0) > 0);
  });

  it('admits no release that a board has no room for, and says why', async () => {
    const { exit, reason } = await run(`
timeline:
  - {at: 0, publish: v1}
  - {at: 1 min, fault: {memory: 1 %}}
  - {at: 2 min, publish: v2}
expect:
  - count(devices, release = v2) = 0
  - windows.lost = 0
`);
    assert.equal(exit, 0, reason);
  });

  it('keeps a release that has no room for a while, counts what it misses, and serves again without a broker', async () => {
    const { exit, reason, windows } = await run(`
timeline:
  - {at: 0, publish: v1}
  - {at: 1 min, fault: {broker: restart, store: lost, away: 1 h}}
  - {at: 2 min..5 min, fault: {memory: 1 %}}
  - {at: 3 min, fault: {worker-crash: now, where: site = hall-1}}
  - {at: 3 min, fault: {power-cut: now, where: site = hall-2}}
expect:
  - share(devices, release = v1) = 100 % after 1 min
  - windows.lost = 0
`);
    assert.equal(exit, 0, reason);
    // Four devices for two minutes.
    assert.ok(windows.dropped >= 40 && windows.dropped <= 60, JSON.stringify(windows));
  });

  it('refuses what it cannot do yet, before it begins', async () => {
    await assert.rejects(run('timeline: [{at: 0, publish: v1, spread: 1 min}]\n'), {
      code: 'scenario-invalid',
    });
  });
});
