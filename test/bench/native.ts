import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { Interpreter } from '../../wasm/loader/interpreter.js';
import { generateInputs } from '../../wasm/workbench/generated-input.js';
import { medianOf } from '../../wasm/workbench/median.js';
import { writeInputs } from '../../wasm/workbench/packed-tensors.js';
import type { Bench } from './bench.js';
import { floatSubjects, presentSubjects } from './subjects.js';

const program = path.resolve(import.meta.dirname, '../../../test/bench/peers/litert_native.py');
const python = process.env['TINYLAMP_PYTHON'] ?? 'python3';
const rounds = 100;
const settleMs = 300;

/** Microseconds per inference beside native LiteRT on one thread, which has all that the processor has: the far goal. */
export const nativeBench: Bench = {
  name: 'native',
  async run(report) {
    if (spawnSync(python, ['-c', 'import ai_edge_litert']).status !== 0) {
      process.stderr.write(
        'native is left out: TINYLAMP_PYTHON names no Python with ai-edge-litert (test/oracle/README.md)\n',
      );
      return;
    }
    const core = await compileWasmCore();
    for (const [subject, file] of presentSubjects('native', floatSubjects)) {
      const model = new Uint8Array(readFileSync(file));
      const interpreter = Interpreter.create(core, model, { arenaBytes: 16 * 1_048_576 });
      const input = generateInputs(interpreter.inputs, 1);
      const [ours, theirs] = await takeTurns(
        (repeats) => {
          const beganMs = performance.now();
          for (let i = 0; i < repeats; i++) {
            writeInputs(interpreter, input);
            interpreter.invoke();
          }
          return ((performance.now() - beganMs) * 1000) / repeats;
        },
        file,
        input,
      );
      const peer = { name: 'litert native', value: theirs };
      report({ subject, metric: 'medianUs', value: ours, peer });
    }
  },
};

/** Medians of both, of which each is timed as the mean of several inferences in a row. */
async function takeTurns(
  timeOurs: (repeats: number) => number,
  model: string,
  input: Uint8Array,
): Promise<readonly [ours: number, theirs: number]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-native-'));
  const values = path.join(folder, 'input.bin');
  writeFileSync(values, input);
  const stdio = ['pipe', 'pipe', 'ignore'] as const;
  const child = spawn(python, [program, model, values], { stdio: [...stdio] });
  const exited = once(child, 'exit');
  try {
    assert.ok(child.stdin !== null && child.stdout !== null);
    const { stdin } = child;
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<string> => {
      const found: IteratorResult<string, undefined> = await lines.next();
      if (found.done === true) throw new Error(`LiteRT ended with ${model}`);
      return found.value;
    };
    const timeTheirs = async (repeats: number): Promise<number> => {
      stdin.write(`${repeats}\n`);
      return Number(await next());
    };
    assert.equal(await next(), 'ready');
    timeOurs(1000);
    await timeTheirs(1000);
    await setTimeout(settleMs);
    const [oursUs, theirsUs]: [number[], number[]] = [[], []];
    // A sample is at least a millisecond, so that neither the clock nor the pipe counts.
    const repeats = Math.ceil(1000 / timeOurs(10));
    for (let i = 0; i < rounds; i++) {
      oursUs.push(timeOurs(repeats));
      theirsUs.push(await timeTheirs(repeats));
    }
    return [medianOf(oursUs), medianOf(theirsUs)];
  } finally {
    child.kill();
    await exited;
    rmSync(folder, { recursive: true });
  }
}
