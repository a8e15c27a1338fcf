import { readFileSync } from 'node:fs';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { Interpreter } from '../../wasm/loader/interpreter.js';
import { generateInputs } from '../../wasm/workbench/generated-input.js';
import { measureLatencies, type Latency } from '../../wasm/workbench/measure-latency.js';
import { writeInputs } from '../../wasm/workbench/packed-tensors.js';
import type { Bench } from './bench.js';
import { findPeer } from './peer.js';
import {
  floatSubjects,
  foundSubjects,
  keepPresent,
  usualSubjects,
  type Subject,
} from './subjects.js';

/** The models of MLPerf Tiny and the demo's. */
export const inferenceBench = createInferenceBench('inference', [
  ...usualSubjects,
  ...floatSubjects,
]);

/** Larger ones, which others made and packages ship. */
export const inferenceFoundBench = createInferenceBench('inference-found', foundSubjects);

/**
 * Microseconds per inference, from input bytes in JavaScript to outputs in the memory of the core; at last the geometric means over
 * all models that both run.
 */
function createInferenceBench(name: string, subjects: readonly Subject[]): Bench {
  return {
    name,
    async run(report) {
      const core = await compileWasmCore();
      const peer = await findPeer();
      const compared: (readonly [ours: Latency, theirs: Latency])[] = [];
      for (const [subject, file] of keepPresent(name, subjects)) {
        const model = new Uint8Array(readFileSync(file));
        const interpreter = Interpreter.create(core, model, { arenaBytes: 16 * 1_048_576 });
        const input = generateInputs(interpreter.inputs, 1);
        const own = (): void => {
          writeInputs(interpreter, input);
          interpreter.invoke();
        };
        const loaded = await peer?.loadPeer(model).catch((error: unknown) => `${String(error)}`);
        const others =
          typeof loaded === 'function'
            ? [
                () => {
                  loaded(input);
                },
              ]
            : [];
        const [ours, theirs] = await measureLatencies([own, ...others]);
        for (const metric of ['minUs', 'medianUs', 'p99Us'] as const) {
          report({
            subject,
            metric,
            value: ours?.[metric] ?? NaN,
            ...(peer && theirs && { peer: { name: peer.name, value: theirs[metric] } }),
            ...(typeof loaded === 'string' && { note: `${peer?.name} refuses it: ${loaded}` }),
          });
        }
        if (ours && theirs) compared.push([ours, theirs]);
      }
      if (peer === undefined || compared.length === 0) return;
      for (const metric of ['minUs', 'medianUs'] as const) {
        report({
          subject: `mean of ${compared.length}`,
          metric,
          value: geometricMeanOf(compared.map(([ours]) => ours[metric])),
          peer: {
            name: peer.name,
            value: geometricMeanOf(compared.map(([, theirs]) => theirs[metric])),
          },
        });
      }
    },
  };
}

/** The mean of ratios is the ratio of the means. */
function geometricMeanOf(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
