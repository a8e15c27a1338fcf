import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { shippedBoardNames } from '../../simulator/boards/shipped-boards.js';
import { loadScenario } from '../../simulator/scenario/load-scenario.js';
import { runScenario } from '../../simulator/simulation/run-scenario.js';
import { residentBytes } from '../helpers/resident-memory.js';
import type { SimulationCase, SimulationTaken } from './simulation.js';

/** Carries out one run in a process of its own, and prints what it took: what came before must not be counted. */
const given = JSON.parse(process.argv[2] ?? '') as SimulationCase;
const models = path.dirname(fileURLToPath(import.meta.resolve('#demo-models/labels.txt')));
const text = `
name: bench
duration: ${given.minutes} min
fleet:
  - {count: ${given.devices}, sensor: {kind: vibration, environment: field}}
releases:
  v1: {model: "demo:vibration-v1", labels: ${models}/labels.txt, pipeline: ${models}/pipeline.json}
timeline: ${given.isIdle ? '[]' : '[{at: 0, publish: v1}]'}
`;

/** Devices have installed what they run, and all is compiled that will be. */
const warmMinutes = 3;

const folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-bench-'));
const emptyBytes = residentBytes(process.pid);
let warm:
  { readonly atMs: number; readonly cpu: NodeJS.CpuUsage; readonly virtualMs: number } | undefined;
const beganMs = performance.now();
try {
  const file = path.join(folder, 'scenario.yaml');
  writeFileSync(file, text);
  const outcome = await runScenario(loadScenario(file, shippedBoardNames(), {}), {
    core: await compileWasmCore(),
    agentVersion: [0, 1, 0],
    revision: 'bench',
    replay: '',
    shards: given.shards,
    remembers: given.remembers,
    progress: (virtualMs) => {
      if (virtualMs < warmMinutes * 60_000) return;
      warm ??= { atMs: performance.now(), cpu: process.cpuUsage(), virtualMs };
    },
  });
  if (warm === undefined) throw new Error('the run was too short');
  const { user, system } = process.cpuUsage(warm.cpu);
  const taken: SimulationTaken = {
    exit: outcome.exit,
    hash: outcome.hash,
    installS: (warm.atMs - beganMs) / 1_000,
    wallMs: performance.now() - warm.atMs,
    processorMs: (user + system) / 1_000,
    deviceMinutes: (given.devices * (outcome.virtualMs - warm.virtualMs)) / 60_000,
    bytesPerDevice: (residentBytes(process.pid) - emptyBytes) / given.devices,
  };
  process.stdout.write(`${JSON.stringify(taken)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
