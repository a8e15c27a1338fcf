import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { readConformanceFolder } from '../../wasm/workbench/conformance-folder.js';
import { runConformance } from '../../wasm/workbench/run-conformance.js';
import type { Campaign, Proof } from './campaign.js';

const root = path.resolve(import.meta.dirname, '../../..');
const script = path.join(root, 'test/oracle/random_models.py');

/** What the folder says beside what `conform` reads. */
interface RandomIndex {
  readonly oracle: string;
  readonly models: readonly {
    readonly name: string;
    readonly status: string;
    readonly ops: readonly string[];
    readonly oracle: string;
    readonly vectors: readonly unknown[];
  }[];
}

/** Random models of every operator, computed by upstream's own package and by the core. `TINYLAMP_MODELS` says how many. */
export const randomModelsCampaign: Campaign = {
  name: 'random-models',
  claim:
    'Random models of every operator and type give the outputs of TensorFlow Lite Micro, or of LiteRT where that has none, in no larger arena: equal integers, but for one step where the package forms factors in double precision (test/oracle/README.md).',
  async run(seed, progress, only) {
    const python = process.env['TINYLAMP_PYTHON'] ?? 'python3';
    const missing = missingFrom(python);
    if (missing !== undefined) return { figures: [], bad: [missing] };
    const folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-random-'));
    try {
      const count = process.env['TINYLAMP_MODELS'] ?? '5000';
      progress(`${count} models, seed ${seed}`);
      const chosen = only === undefined ? [] : ['--only', only.join(',')];
      await run(python, [script, folder, '--seed', `${seed}`, '--count', count, ...chosen]);
      return await compare(folder, progress);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

/** What is not there, and how to get it. */
function missingFrom(python: string): string | undefined {
  const packages = 'import tflite_micro, flatbuffers, numpy';
  if (spawnSync(python, ['-c', packages]).status === 0) return undefined;
  return `not run: ${python} has not upstream's package (test/oracle/README.md says how to get it; TINYLAMP_PYTHON names another)`;
}

async function compare(folder: string, progress: (text: string) => void): Promise<Proof> {
  const index = JSON.parse(readFileSync(path.join(folder, 'index.json'), 'utf8')) as RandomIndex;
  const entries = new Map(index.models.map((entry) => [entry.name, entry]));
  const tried = new Map<string, number>();
  const counts = { models: 0, vectors: 0, refused: 0 };
  const bad: string[] = [];
  const core = await compileWasmCore();
  for await (const outcome of runConformance(core, readConformanceFolder(folder))) {
    const { name, failure, vectors, arenaBytes, upstreamArenaBytes } = outcome;
    const entry = entries.get(name);
    if (entry === undefined) continue;
    progress(name);
    if (failure !== undefined) bad.push(`${name}: ${failure.kind}: ${failure.detail}`);
    else if ((arenaBytes ?? 0) > (upstreamArenaBytes ?? Infinity))
      bad.push(`${name}: arena of ${arenaBytes} bytes, upstream ${upstreamArenaBytes}`);
    if (entry.status !== 'ok') {
      counts.refused++;
      continue;
    }
    counts.models++;
    counts.vectors += vectors;
    for (const code of new Set(entry.ops)) tried.set(code, (tried.get(code) ?? 0) + 1);
  }
  const operators = [...tried].sort().map(([code, models]) => `${code} ${models}`);
  const figures = [
    `${index.oracle}: ${counts.models} models, ${counts.vectors} vectors, ${bad.length} differ`,
    `${counts.refused} further models that upstream refuses: refused or run, without a trap`,
    `models with each operator: ${operators.join(', ')}`,
  ];
  return { figures, bad };
}

function run(program: string, given: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, given, { stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve();
      else reject(new Error(`${program} ended with ${status}`));
    });
  });
}
