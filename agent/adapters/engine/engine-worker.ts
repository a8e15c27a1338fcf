import { parentPort, workerData } from 'node:worker_threads';
import { accept } from '../../../protocol/result.js';
import { loadWasmModel, sizeOf, type WasmModel } from './loaded-model.js';
import type { WorkerReply, WorkerRequest } from './worker-message.js';

// The thread of one model. It knows nothing but its model: the agent ends it when it is late or has trapped.

if (parentPort === null) throw new Error('this file is started as a worker');
const port = parentPort;
const { core } = workerData as { readonly core: WebAssembly.Module };
const state: { model?: WasmModel; input: Uint8Array; output: Uint8Array } = {
  input: new Uint8Array(),
  output: new Uint8Array(),
};

port.on('message', (request: WorkerRequest) => {
  port.postMessage(answer(request));
});

function answer(request: WorkerRequest): WorkerReply {
  switch (request.kind) {
    case 'load': {
      const loaded = loadWasmModel(core, request.model, request.limits);
      if (!loaded.ok) return { kind: 'loaded', loaded };
      const { facts } = loaded.value;
      const input = new SharedArrayBuffer(sizeOf(facts.inputs));
      const output = new SharedArrayBuffer(sizeOf(facts.outputs));
      state.model = loaded.value;
      state.input = new Uint8Array(input);
      state.output = new Uint8Array(output);
      return { kind: 'loaded', loaded: accept({ facts, input, output }) };
    }
    case 'invoke': {
      const invoked = modelOf().invoke(state.input, state.output);
      if (!invoked.ok) return { kind: 'failed', rejection: invoked.rejection };
      return { kind: 'invoked', invoked: invoked.value };
    }
    case 'reset': {
      const reset = modelOf().reset();
      return reset.ok ? { kind: 'reset' } : { kind: 'failed', rejection: reset.rejection };
    }
  }
}

function modelOf(): WasmModel {
  if (state.model === undefined) throw new Error('no model is loaded');
  return state.model;
}
