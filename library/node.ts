/**
 * tinylamp as a library for Node: `import { Model } from 'tinylamp'`.
 *
 * ```js
 * const model = await Model.load('model.tflite');
 * const [scores] = model.run([0.1, 0.7, 0.2]);
 * ```
 */
import { readFile } from 'node:fs/promises';
import { compileWasmCore } from '../agent/adapters/engine/wasm-core.js';
import { Model as LoadedModel, type ModelLimits } from './model.js';
import { WorkerPool, type PoolOptions } from './pool.js';

/** A TensorFlow Lite model, from a file or from bytes. */
export class Model extends LoadedModel {
  /** Loads and verifies a model. Throws what reading the file does, and what {@link LoadedModel} does. */
  static async load(model: string | URL | Uint8Array, limits: ModelLimits = {}): Promise<Model> {
    const bytes = model instanceof Uint8Array ? model : await readFile(model);
    return new Model(await compileWasmCore(), bytes, limits);
  }
}

/**
 * Loads a model in several threads, for as many inferences at a time. Throws what {@link Model.load} does, and `batch-unsupported` where
 * the model keeps state.
 */
export async function startPool(
  model: string | URL | Uint8Array,
  options: PoolOptions = {},
): Promise<WorkerPool> {
  const bytes = model instanceof Uint8Array ? model : await readFile(model);
  return WorkerPool.start(await compileWasmCore(), bytes, options);
}

export type { PoolOptions, WorkerPool } from './pool.js';
export { ModelInterpreter, type InputValues, type ModelBatch, type ModelLimits } from './model.js';
export type { TensorArray } from './tensor-array.js';
export type { TensorFacts } from '../wasm/loader/interpreter.js';
export type { ModelReport, TensorType } from '../wasm/loader/model-report.js';
export { CodedError } from '../protocol/coded-error.js';
