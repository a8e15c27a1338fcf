import { parentPort, workerData } from 'node:worker_threads';
import { accept } from '../../../protocol/result.js';
import { loadWasmModel, sizeOf, type WasmModel } from './loaded-model.js';
import type { WorkerReply, WorkerRequest } from './worker-message.js';

// The thread of one model. It knows nothing but its model: the agent ends it when it is late or has trapped.

if (parentPort === null) throw new Error('this file is started as a worker');
const port = parentPort;
const { core } = workerData as { readonly core: WebAssembly.Module };
const state: {
  model?: WasmModel;
  input: Uint8Array;
  output: Uint8Array;
  invoked: Float64Array;
} = { input: new Uint8Array(), output: new Uint8Array(), invoked: new Float64Array() };

port.on('message', (request: WorkerRequest) => {
  port.postMessage(answer(request));
});

function answer(request: WorkerRequest): WorkerReply {
  if (request === 'invoke') {
    const invoked = modelOf().invoke(state.input, state.output);
    if (!invoked.ok) return { kind: 'failed', rejection: invoked.rejection };
    state.invoked[0] = invoked.value.latencyUs;
    state.invoked[1] = Number(invoked.value.hasOutput);
    return 'invoked';
  }
  if (request === 'reset') {
    const reset = modelOf().reset();
    return reset.ok ? 'reset' : { kind: 'failed', rejection: reset.rejection };
  }
  const loaded = loadWasmModel(core, request.model, request.limits);
  if (!loaded.ok) return { kind: 'loaded', loaded };
  const { facts } = loaded.value;
  const input = new SharedArrayBuffer(sizeOf(facts.inputs));
  const output = new SharedArrayBuffer(sizeOf(facts.outputs));
  const invoked = new SharedArrayBuffer(2 * Float64Array.BYTES_PER_ELEMENT);
  state.model = loaded.value;
  state.input = new Uint8Array(input);
  state.output = new Uint8Array(output);
  state.invoked = new Float64Array(invoked);
  return { kind: 'loaded', loaded: accept({ facts, input, output, invoked }) };
}

function modelOf(): WasmModel {
  if (state.model === undefined) throw new Error('no model is loaded');
  return state.model;
}
