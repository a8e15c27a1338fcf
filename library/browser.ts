/**
 * tinylamp as a library for browsers: `import { Model } from 'tinylamp/browser'`. It needs the inference core, whose builds lie in the
 * package as `tinylamp/wasm/tinylamp_bg.wasm` (without SIMD), `…/tinylamp_simd128_bg.wasm` and `…/tinylamp_relaxed_bg.wasm`, by their
 * addresses or as bytes.
 *
 * ```js
 * const core = { plain: 'tinylamp_bg.wasm', simd128: 'tinylamp_simd128_bg.wasm', relaxed: 'tinylamp_relaxed_bg.wasm' };
 * const model = await Model.load('model.tflite', { core });
 * const [scores] = model.run([0.1, 0.7, 0.2]);
 * ```
 */
import { CodedError } from '../protocol/coded-error.js';
import { usableBuilds, type CoreBuild } from '../wasm/loader/builds.js';
import { Model as LoadedModel, type ModelLimits } from './model.js';

/** An inference core: its address, its bytes, or what they were compiled to. */
export type CoreSource = string | URL | Uint8Array | WebAssembly.Module;

/** Builds of the inference core. Only the one that is used is fetched. */
export type CoreSources = Readonly<
  { plain: CoreSource } & Partial<Record<Exclude<CoreBuild, 'plain'>, CoreSource>>
>;

/** Where the inference core is, and what a model may take. */
export interface BrowserOptions extends ModelLimits {
  /** One build for all browsers, or several, of which the fastest is taken that can be used here. */
  readonly core: CoreSource | CoreSources;
}

/** A TensorFlow Lite model, from an address or from bytes. */
export class Model extends LoadedModel {
  /** Fetches and verifies a model. Throws `file-unreadable` where an address gives nothing, and what {@link LoadedModel} does. */
  static async load(
    model: string | URL | Uint8Array,
    { core, ...limits }: BrowserOptions,
  ): Promise<Model> {
    const chosen = isSources(core) ? fastestOf(core) : core;
    const compiled =
      chosen instanceof WebAssembly.Module
        ? chosen
        : await WebAssembly.compile(await bytesOf(chosen));
    return new Model(compiled, await bytesOf(model), limits);
  }
}

function isSources(core: CoreSource | CoreSources): core is CoreSources {
  return typeof core === 'object' && 'plain' in core;
}

function fastestOf(sources: CoreSources): CoreSource {
  const [fastest = sources.plain] = usableBuilds().flatMap((build) => sources[build] ?? []);
  return fastest;
}

async function bytesOf(source: string | URL | Uint8Array): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  const response = await fetch(source);
  if (!response.ok) {
    throw new CodedError('file-unreadable', `${String(source)}: status ${response.status}`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

export { ModelInterpreter, type InputValues, type ModelBatch, type ModelLimits } from './model.js';
export type { TensorArray } from './tensor-array.js';
export type { CoreBuild } from '../wasm/loader/builds.js';
export type { TensorFacts } from '../wasm/loader/interpreter.js';
export type { ModelReport, TensorType } from '../wasm/loader/model-report.js';
export { CodedError } from '../protocol/coded-error.js';
