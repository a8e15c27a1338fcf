import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';

/**
 * LiteRT.js in Node: its WebAssembly module (SIMD, relaxed SIMD where Node has it, XNNPACK, one thread), called without its tensors,
 * which have no int8.
 */
export const name = 'litertjs';

const folder = new URL('../wasm/', import.meta.resolve('@litertjs/core'));
const read = (file) => readFileSync(new URL(file, folder));

/** Loads a model; gives a function that runs one inference on packed input bytes. */
export async function loadPeer(model) {
  const relaxed = read('litert_wasm_internal.wasm');
  const [build, wasmBinary] = globalThis.WebAssembly.validate(relaxed)
    ? ['litert_wasm_internal.js', relaxed]
    : ['litert_wasm_compat_internal.js', read('litert_wasm_compat_internal.wasm')];
  const glue = `${read(build).toString()}\nreturn ModuleFactory;`;
  const createModule = vm.compileFunction(glue, ['require', '__dirname', '__filename'])(
    createRequire(import.meta.url),
    ...[fileURLToPath(folder), fileURLToPath(new URL(build, folder))],
  );
  const silent = () => undefined;
  const module = await createModule({ wasmBinary, print: silent, printErr: silent });
  const environment = module.LiteRtEnvironment.create(null);
  const address = module._malloc(model.length);
  module.HEAPU8.set(model, address);
  const loaded = module.loadModel(environment, address, model.length);
  const compiled = await module.compileModel(environment, loaded, { accelerator: 'wasm' });
  const type = loaded.getInputTensorType(0, 0);
  const input = module.LiteRtTensorBuffer.createManaged(
    ...[environment, module.LiteRtTensorBufferType.HOST_MEMORY, type, type.bytes()],
  );
  const inputs = [input];
  const { WRITE } = module.LiteRtTensorBufferLockMode;
  return (bytes) => {
    module.HEAPU8.set(bytes, input.lock(WRITE));
    input.unlock();
    for (const output of compiled.run(0, inputs)) output.delete();
  };
}
