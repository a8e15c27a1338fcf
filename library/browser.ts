/**
 * tinylamp as a library for browsers: `import { Model } from 'tinylamp/browser'`. It needs the inference core, which lies in the
 * package as `tinylamp/wasm/tinylamp_bg.wasm`, by its address or as bytes.
 *
 * ```js
 * const model = await Model.load('model.tflite', { core: 'tinylamp_bg.wasm' });
 * const [scores] = model.run([0.1, 0.7, 0.2]);
 * ```
 */
import { CodedError } from '../protocol/coded-error.js';
import { Model as LoadedModel, type ModelLimits } from './model.js';

/** Where the inference core is, and what a model may take. */
export interface BrowserOptions extends ModelLimits {
  readonly core: string | URL | Uint8Array | WebAssembly.Module;
}

/** A TensorFlow Lite model, from an address or from bytes. */
export class Model extends LoadedModel {
  /** Fetches and verifies a model. Throws `file-unreadable` where an address gives nothing, and what {@link LoadedModel} does. */
  static async load(
    model: string | URL | Uint8Array,
    { core, ...limits }: BrowserOptions,
  ): Promise<Model> {
    const compiled =
      core instanceof WebAssembly.Module ? core : await WebAssembly.compile(await bytesOf(core));
    return new Model(compiled, await bytesOf(model), limits);
  }
}

async function bytesOf(source: string | URL | Uint8Array): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  const response = await fetch(source);
  if (!response.ok) {
    throw new CodedError('file-unreadable', `${String(source)}: status ${response.status}`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

export { ModelInterpreter, type InputValues, type ModelLimits } from './model.js';
export type { TensorArray } from './tensor-array.js';
export type { TensorFacts } from '../wasm/loader/interpreter.js';
export type { ModelReport, TensorType } from '../wasm/loader/model-report.js';
export { CodedError } from '../protocol/coded-error.js';
