import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { Interpreter } from '../../wasm/loader/interpreter.js';
import { generateInputs } from '../../wasm/workbench/generated-input.js';
import { measureLatencies } from '../../wasm/workbench/measure-latency.js';
import { writeInputs } from '../../wasm/workbench/packed-tensors.js';
import { sharedFolder } from '../helpers/requires.js';
import type { Bench } from './bench.js';
import { findPeer } from './peer.js';

const models = path.join(sharedFolder, 'data', 'models');

/** The demo's model, and MLPerf Tiny's four where the reference data is. */
const subjects: readonly (readonly [subject: string, file: string])[] = [
  ['vibration', 'simulator/demo/models/vibration-v1.tflite'],
  ['kws', path.join(models, 'mlperf_kws_int8.tflite')],
  ['vww', path.join(models, 'mlperf_vww_int8.tflite')],
  ['ic', path.join(models, 'mlperf_resnet_int8.tflite')],
  ['ad', path.join(models, 'mlperf_ad_int8.tflite')],
];

/** Microseconds per inference, from input bytes in JavaScript to outputs in the memory of the core. */
export const inferenceBench: Bench = {
  name: 'inference',
  async run(report) {
    const core = await compileWasmCore();
    const peer = await findPeer();
    for (const [subject, file] of subjects) {
      if (!existsSync(file)) {
        process.stderr.write(`inference: ${subject} is left out: there is no ${file}\n`);
        continue;
      }
      const model = new Uint8Array(readFileSync(file));
      const interpreter = Interpreter.create(core, model, { arenaBytes: 16 * 1_048_576 });
      const input = generateInputs(interpreter.inputs, 1);
      const own = (): void => {
        writeInputs(interpreter, input);
        interpreter.invoke();
      };
      const run = await peer?.loadPeer(model);
      const other = (): void => run?.(input);
      const [ours, theirs] = await measureLatencies(run === undefined ? [own] : [own, other]);
      for (const metric of ['minUs', 'medianUs', 'p99Us'] as const) {
        report({
          subject,
          metric,
          value: ours?.[metric] ?? NaN,
          ...(peer && theirs && { peer: { name: peer.name, value: theirs[metric] } }),
        });
      }
    }
  },
};
