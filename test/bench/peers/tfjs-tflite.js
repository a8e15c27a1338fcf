import { readFileSync } from 'node:fs';
import vm from 'node:vm';

/**
 * TensorFlow.js TFLite in Node: its WebAssembly module (SIMD, XNNPACK, one thread) is made for browsers, but
 * starts here when it is handed its binary. Called without the tensors of TensorFlow.js, which would only slow
 * it down.
 */
export const name = 'tfjs-tflite';

const folder = new URL('../wasm/', import.meta.resolve('@tensorflow/tfjs-tflite'));

/** Loads a model; gives a function that runs one inference on packed input bytes. */
export async function loadPeer(model) {
  const glue = readFileSync(new URL('tflite_web_api_cc_simd.js', folder), 'utf8');
  const factory = vm.runInThisContext(`${glue}\ntflite_web_api_ModuleFactory`);
  const module = await factory({
    wasmBinary: readFileSync(new URL('tflite_web_api_cc_simd.wasm', folder)),
    print: () => undefined,
    printErr: () => undefined,
  });
  const address = module._malloc(model.length);
  module.HEAPU8.set(model, address);
  const created = module.TFLiteWebModelRunner.CreateFromBufferAndOptions(address, model.length, {
    numThreads: 1,
    enableProfiling: false,
    maxProfilingBufferEntries: 1024,
  });
  if (!created.ok()) throw new Error(created.errorMessage());
  const runner = created.value();
  const input = runner.GetInputs().get(0);
  return (bytes) => {
    const target = input.data();
    new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(bytes);
    if (!runner.Infer()) throw new Error('the peer failed');
  };
}
