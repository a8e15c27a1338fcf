import process from 'node:process';
import { parentPort, workerData } from 'node:worker_threads';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import type { Version } from '../../protocol/documents/manifest.js';
import { shippedBoardNames } from '../boards/shipped-boards.js';
import { loadScenarioText } from '../scenario/load-scenario.js';
import { runScenario } from '../simulation/run-scenario.js';
import { withSwarm } from './seeded-scenario.js';

/** What a worker of a search runs. */
export interface WorkerScenario {
  readonly text: string;
  readonly folder: string;
  readonly devices: number | undefined;
  readonly agentVersion: Version;
  readonly revision: string;
}

/** Runs one seed after the other, as it is told. */
const { text, folder, devices, agentVersion, revision } = workerData as WorkerScenario;
const core = await compileWasmCore();
if (parentPort === null) process.exit(2);
const port = parentPort;
port.on('message', (seed: number) => {
  const scenario = loadScenarioText(text, folder, shippedBoardNames(), { seed, devices });
  runScenario(withSwarm(scenario), { core, agentVersion, revision, replay: '' }).then(
    (outcome) => {
      port.postMessage(outcome);
    },
    (error: unknown) => {
      port.postMessage({
        crash: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    },
  );
});
