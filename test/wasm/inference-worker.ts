import { parentPort, workerData } from 'node:worker_threads';
import { Interpreter } from '../../wasm/loader/interpreter.js';
import { generateInputs } from '../../wasm/workbench/generated-input.js';
import { writeInputs } from '../../wasm/workbench/packed-tensors.js';

// One inference in a thread of its own.

const { core, model, seed } = workerData as {
  readonly core: WebAssembly.Module;
  readonly model: Uint8Array;
  readonly seed: number;
};
const interpreter = Interpreter.create(core, model, { arenaBytes: 65_536 });
writeInputs(interpreter, generateInputs(interpreter.inputs, seed));
interpreter.invoke();
parentPort?.postMessage(interpreter.outputView(0).slice());
