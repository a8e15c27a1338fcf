/** What the Rust side exports (`wasm/src/bindings.rs`): numbers in, numbers out. */
export interface CoreExports {
  readonly memory: WebAssembly.Memory;
  reserve(bytes: number): number;
  load(mostWork: number, options: number): number;
  report_address(): number;
  report_bytes(): number;
  create(arenaBytes: number): number;
  tensor_address(interpreter: number, tensor: number): number;
  invoke(interpreter: number): number;
  prepare_batch(): number;
  invoke_batch(first: number, samples: number): number;
  repeat_step(interpreter: number, step: number, times: number): number;
  has_output(): number;
  reset(interpreter: number): number;
  place_kind(): number;
  place_subgraph(): number;
  place_index(): number;
  place_operator(): number;
}

const functions = [
  'reserve',
  'load',
  'report_address',
  'report_bytes',
  'create',
  'tensor_address',
  'invoke',
  'prepare_batch',
  'invoke_batch',
  'repeat_step',
  'has_output',
  'reset',
  'place_kind',
  'place_subgraph',
  'place_index',
  'place_operator',
] as const;

/**
 * Makes a new instance of the core, which shares nothing with any other. The glue of wasm-bindgen would hand
 * out its first instance again, so it is not used; its few imports are never called by functions on
 * numbers.
 */
export function instantiateCore(core: WebAssembly.Module): CoreExports {
  const imports: Record<string, Record<string, unknown>> = {};
  for (const { module, name, kind } of WebAssembly.Module.imports(core)) {
    if (kind !== 'function') throw new Error(`the core wants the ${kind} ${name}`);
    imports[module] = {
      ...imports[module],
      [name]: () => {
        throw new Error(`the core called ${name}`);
      },
    };
  }
  const { exports } = new WebAssembly.Instance(core, imports);
  for (const name of functions) {
    if (typeof exports[name] !== 'function') throw new Error(`the core does not export ${name}`);
  }
  if (!(exports['memory'] instanceof Object)) throw new Error('the core exports no memory');
  return exports as unknown as CoreExports;
}
