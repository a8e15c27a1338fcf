import { readFileSync } from 'node:fs';
import path from 'node:path';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { workOf } from '../../simulator/boards/cost-model.js';
import { parseLatencies } from '../../simulator/boards/latencies-file.js';
import type { Measurement } from '../../simulator/boards/rates-fit.js';
import { Interpreter } from '../../wasm/loader/interpreter.js';
import { sharedFolder } from './requires.js';

/** The models of MLPerf Tiny, in the order in which they calibrate. */
const mlperfModels = {
  ic: 'mlperf_resnet_int8.tflite',
  kws: 'mlperf_kws_int8.tflite',
  vww: 'mlperf_vww_int8.tflite',
  ad: 'mlperf_ad_int8.tflite',
} as const;

/** The published latencies in the form that `simulate fit` reads; models are named from the folder `data` of the reference data. */
export function mlperfLatencies(): object {
  const file = path.join(sharedFolder, 'data', 'mlperf-tiny-latency.json');
  const models = Object.entries(mlperfModels).map(([model, name]) => [
    model,
    path.join(sharedFolder, 'data', 'models', name),
  ]);
  return {
    ...(JSON.parse(readFileSync(file, 'utf8')) as object),
    models: Object.fromEntries(models) as object,
  };
}

/** What each entry took for each model. */
export async function mlperfMeasurements(): Promise<ReadonlyMap<string, readonly Measurement[]>> {
  const core = await compileWasmCore();
  const { boards, models } = parseLatencies(
    new TextEncoder().encode(JSON.stringify(mlperfLatencies())),
  );
  const works = Object.entries(models).map(([model, file]) => {
    const limits = { arenaBytes: 2 ** 28 };
    const { report } = Interpreter.create(core, new Uint8Array(readFileSync(file)), limits);
    return [model, workOf(report)] as const;
  });
  return new Map(
    Object.entries(boards).map(([entry, { latency_ms: measured }]) => [
      entry,
      works.map(([model, work]) => ({ model, work, latencyMs: measured[model] ?? NaN })),
    ]),
  );
}
