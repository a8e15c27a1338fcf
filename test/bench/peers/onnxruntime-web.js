import { readFileSync } from 'node:fs';
import path from 'node:path';
import createModule from 'onnxruntime-web/ort-wasm-simd-threaded.mjs';

/**
 * ONNX Runtime Web in Node: its WebAssembly module (SIMD, one thread), called without its tensors and promises, which would only
 * slow it down. `to_onnx.py` converts models for it into the folder that `TINYLAMP_ONNX` names.
 */
export const name = 'onnxruntime-web';

/** All optimisations of the graph, those of its layout too. */
const optimiseAll = 99;
const onlyErrors = 3;
/** By ONNX's number of the type. */
const elementBytes = new Map([
  [1, 4],
  [2, 1],
  [3, 1],
]);

/** Loads what a model was converted to; gives a function that runs one inference on packed input bytes. */
export async function loadPeer(_, file) {
  const converted = path.join(process.env.TINYLAMP_ONNX, `${path.parse(file).name}.onnx`);
  const model = readFileSync(converted);
  const wasmBinary = readFileSync(
    new URL(import.meta.resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm')),
  );
  const module = await createModule({ wasmBinary, numThreads: 1 });
  const check = (code) => {
    if (code !== 0) throw new Error(`${converted}: ${lastErrorOf(module)}`);
  };
  check(module._OrtInit(1, onlyErrors));
  const empty = textAt(module, '');
  const options = module._OrtCreateSessionOptions(
    ...[optimiseAll, 1, 1, 0, 0, 0, empty, onlyErrors, 0, 0],
  );
  const address = module._malloc(model.length);
  module.HEAPU8.set(model, address);
  const session = await module._OrtCreateSession(address, model.length, options);
  if (session === 0) throw new Error(`${converted}: ${lastErrorOf(module)}`);
  const counts = module._malloc(8);
  check(module._OrtGetInputOutputCount(session, counts, counts + 4));
  const [inputs, outputs] = [module.getValue(counts, 'i32'), module.getValue(counts + 4, 'i32')];
  const tensors = Array.from({ length: inputs + outputs }, (_, i) =>
    createTensor(module, session, i),
  );
  const list = (values) => {
    const at = module._malloc(4 * values.length);
    values.forEach((value, i) => module.setValue(at + 4 * i, value, 'i32'));
    return at;
  };
  const called = list(tensors.map((tensor) => tensor.name));
  const handles = list(tensors.map((tensor) => tensor.handle));
  const run = module._OrtCreateRunOptions(onlyErrors, 0, 0, empty);
  return (bytes) => {
    module.HEAPU8.set(bytes, tensors[0].address);
    check(
      module._OrtRun(
        ...[session, called, handles, inputs],
        ...[called + 4 * inputs, outputs, handles + 4 * inputs, run],
      ),
    );
  };
}

/** Memory for an input or output, whose batch is one. */
function createTensor(module, session, index) {
  const found = module._malloc(8);
  if (module._OrtGetInputOutputMetadata(session, index, found, found + 4) !== 0) {
    throw new Error(lastErrorOf(module));
  }
  const [name, facts] = [module.getValue(found, 'i32'), module.getValue(found + 4, 'i32')];
  const type = module.getValue(facts, 'i32');
  const rank = module.getValue(facts + 4, 'i32');
  const shape = module._malloc(4 * rank);
  let size = elementBytes.get(type);
  for (let i = 0; i < rank; i++) {
    // A dimension that has a name instead of a length is that of the batch.
    const isNamed = module.getValue(facts + 8 + 4 * i, 'i32') !== 0;
    const length = isNamed ? 1 : module.getValue(facts + 8 + 4 * (rank + i), 'i32');
    module.setValue(shape + 4 * i, length, 'i32');
    size *= length;
  }
  const address = module._malloc(size);
  const inCpu = 1;
  const handle = module._OrtCreateTensor(type, address, size, shape, rank, inCpu);
  if (handle === 0) throw new Error(lastErrorOf(module));
  return { name, address, size, handle };
}

function textAt(module, text) {
  const bytes = module.lengthBytesUTF8(text) + 1;
  const address = module._malloc(bytes);
  module.stringToUTF8(text, address, bytes);
  return address;
}

function lastErrorOf(module) {
  const found = module._malloc(8);
  module._OrtGetLastError(found, found + 4);
  return module.UTF8ToString(module.getValue(found + 4, 'i32'));
}
