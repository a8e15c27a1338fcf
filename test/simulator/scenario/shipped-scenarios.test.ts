import assert from 'node:assert/strict';
import { compileWasmCore } from '../../../agent/adapters/engine/wasm-core.js';
import { shippedBoardNames } from '../../../simulator/boards/shipped-boards.js';
import { loadScenario } from '../../../simulator/scenario/load-scenario.js';
import { scenarioFileOf, shippedScenarios } from '../../../simulator/scenario/shipped-scenarios.js';
import { runScenario } from '../../../simulator/simulation/run-scenario.js';

describe('the scenarios that are shipped', () => {
  for (const { name, file, summary } of shippedScenarios())
    it(`${name} holds all that it expects`, async () => {
      const scenario = loadScenario(file, shippedBoardNames());
      assert.equal(scenario.name, name);
      assert.match(summary, /^[A-Z][^:]*: .*\.$/);
      // What expects nothing of rollouts and releases would hold whatever the agent does.
      assert.ok(scenario.expectations.length >= 3);
      const { exit, reason, violations } = await runScenario(scenario, {
        core: await compileWasmCore(),
        agentVersion: [0, 1, 0],
        revision: '0.1.0',
        replay: '',
      });
      assert.equal(exit, 0, reason);
      assert.deepEqual(violations, []);
    });

  it('are found by their names, and other files as they are', () => {
    assert.match(scenarioFileOf('power-cuts'), /shipped.power-cuts\.yaml$/);
    assert.equal(scenarioFileOf('./power-cuts'), './power-cuts');
    assert.equal(scenarioFileOf('any.yaml'), 'any.yaml');
    assert.throws(() => scenarioFileOf('power-cutz'), {
      code: 'file-unreadable',
      message: /no file power-cutz, and no shipped scenario of that name: .*, power-cuts, /,
    });
  });
});
