import { readFileSync } from 'node:fs';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { Interpreter } from '../../wasm/loader/interpreter.js';
import { generateInputs } from '../../wasm/workbench/generated-input.js';
import { measureLatencies } from '../../wasm/workbench/measure-latency.js';
import { writeInputs } from '../../wasm/workbench/packed-tensors.js';
import type { Bench } from './bench.js';
import { presentSubjects } from './subjects.js';

const samples = 64;
const limits = { arenaBytes: 2 ** 28 };

/** Microseconds per sample of a batch, and as the peer those of one inference after the other. */
export const batchBench: Bench = {
  name: 'batch',
  async run(report) {
    const core = await compileWasmCore();
    for (const [subject, file] of presentSubjects('batch')) {
      const model = new Uint8Array(readFileSync(file));
      const interpreter = Interpreter.create(core, model, limits);
      const batch = interpreter.batch(samples, limits);
      const inputs = batch.samples.map((_, i) => generateInputs(interpreter.inputs, i + 1));
      const together = (): void => {
        for (const [i, input] of inputs.entries())
          writeInputs(batch.samples[i] ?? interpreter, input);
        batch.invoke();
      };
      const single = (): void => {
        for (const input of inputs) {
          writeInputs(interpreter, input);
          interpreter.invoke();
        }
      };
      const [ours, other] = await measureLatencies([together, single]);
      report({
        subject,
        metric: 'medianUs',
        value: (ours?.medianUs ?? NaN) / samples,
        peer: { name: 'one by one', value: (other?.medianUs ?? NaN) / samples },
        note: `of one sample among ${samples}`,
      });
    }
  },
};
