import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { Interpreter } from '../../wasm/loader/interpreter.js';
import { generateInputs } from '../../wasm/workbench/generated-input.js';
import { medianOf } from '../../wasm/workbench/median.js';
import type { Bench } from './bench.js';
import { findPeer } from './peer.js';
import { presentSubjects } from './subjects.js';

/** Milliseconds of one start of a process. */
export interface StartUp {
  /** Compiling the core and loading the model. */
  readonly loadMs: number;
  /** The first inference. */
  readonly firstMs: number;
  /** Both. */
  readonly toFirstMs: number;
  /** From the beginning until inferences are as fast as they get. */
  readonly steadyAfterMs: number;
  /** From a load to its first result, where the process has the core compiled already. */
  readonly againMs: number;
}

const starts = 7;

/** Milliseconds from nothing to results, medians of processes of their own that take turns. */
export const startUpBench: Bench = {
  name: 'start-up',
  async run(report) {
    const core = await compileWasmCore();
    const peer = await findPeer();
    for (const [subject, file] of presentSubjects('start-up')) {
      const model = new Uint8Array(readFileSync(file));
      const { inputs } = Interpreter.create(core, model, { arenaBytes: 2 ** 28 });
      const input = generateInputs(inputs, 1);
      const [ours, theirs]: [StartUp[], StartUp[]] = [[], []];
      for (let i = 0; i < starts; i++) {
        ours.push(start('own', file, input));
        if (peer) theirs.push(start('peer', file, input));
      }
      for (const metric of [
        'loadMs',
        'firstMs',
        'toFirstMs',
        'againMs',
        'steadyAfterMs',
      ] as const) {
        const median = (all: readonly StartUp[]): number =>
          medianOf(all.map((each) => each[metric]));
        report({
          subject,
          metric,
          value: median(ours),
          ...(peer && { peer: { name: peer.name, value: median(theirs) } }),
        });
      }
    }
  },
};

function start(who: 'own' | 'peer', file: string, input: Uint8Array): StartUp {
  const program = path.join(import.meta.dirname, 'start-up-worker.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, who, file], {
    encoding: 'utf8',
    input,
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as StartUp;
}
