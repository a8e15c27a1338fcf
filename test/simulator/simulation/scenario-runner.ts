import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileWasmCore } from '../../../agent/adapters/engine/wasm-core.js';
import { shippedBoardNames } from '../../../simulator/boards/shipped-boards.js';
import { loadScenario } from '../../../simulator/scenario/load-scenario.js';
import type { Scenario } from '../../../simulator/scenario/scenario.js';
import type { Outcome } from '../../../simulator/simulation/outcome.js';
import { runScenario, type RunSettings } from '../../../simulator/simulation/run-scenario.js';

const models = path.dirname(fileURLToPath(import.meta.resolve('#demo-models/labels.txt')));

/** A release of the demo, as a line of a scenario. */
export function demoRelease(name: string, version: 1 | 2 | 3, more = ''): string {
  return `  ${name}: {model: "demo:vibration-v${version}", labels: ${models}/labels.txt, pipeline: ${models}/pipeline.json${more}}\n`;
}

/** The beginning of a scenario of four devices whose release is wrong on half of its windows, with a better one to come. */
export function halfWrongFleet(duration: string): string {
  return `
name: test
duration: ${duration}
period: 10 s
report: 10 s
fleet:
  - {count: 4, sensor: {kind: vibration, environment: laboratory}}
labels: {delay: 1 s}
releases:
${demoRelease('bad', 1, ', behaves: {wrong: 50 %}')}${demoRelease('good', 2)}
timeline:
  - {at: 0, publish: bad}`;
}

/**
 * Writes the text of a scenario to a file of its own, and runs it.
 *
 * @param files what lies beside it, by name
 */
export async function runText(
  text: string,
  seed?: number,
  settings?: Partial<RunSettings>,
  change: (scenario: Scenario) => Scenario = (scenario) => scenario,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<Outcome> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-scenario-'));
  try {
    const file = path.join(folder, 'scenario.yaml');
    writeFileSync(file, text);
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), content);
    }
    const scenario = change(loadScenario(file, shippedBoardNames(), { seed }));
    const core = await compileWasmCore();
    const agentVersion = [0, 1, 0] as const;
    return await runScenario(scenario, {
      core,
      agentVersion,
      revision: '0.1.0',
      replay: '',
      ...settings,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
