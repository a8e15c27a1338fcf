import { parentPort, workerData } from 'node:worker_threads';
import { accept, type Rejection, type Result } from '../../../protocol/result.js';
import type { Handle } from '../../ports/engine.js';
import { loadWasmModel, sizeOf, type WasmModel } from './loaded-model.js';
import type { LoadedModel, WorkerReply, WorkerRequest } from './worker-message.js';

// A thread of one model, or of several. It knows nothing but its models: the agent ends it when one of them is late.

/** A model, and the memory that the agent reads and writes too. */
interface Held {
  readonly model: WasmModel;
  readonly input: Uint8Array;
  readonly output: Uint8Array;
  readonly invoked: Float64Array;
}

if (parentPort === null) throw new Error('this file is started as a worker');
const port = parentPort;
const { core } = workerData as { readonly core: WebAssembly.Module };
const models = new Map<Handle, Held>();

port.on('message', (request: WorkerRequest) => {
  port.postMessage(answer(request));
});

function answer(request: WorkerRequest): WorkerReply {
  if (typeof request === 'number') return invoke(request, heldAs(request));
  const { kind, handle } = request;
  switch (kind) {
    case 'load': {
      const loaded = loadWasmModel(core, request.model, request.limits);
      return { kind: 'loaded', loaded: loaded.ok ? accept(hold(handle, loaded.value)) : loaded };
    }
    case 'reset':
      return answerOf(handle, heldAs(handle).model.reset());
    case 'drop':
      models.delete(handle);
      return 'done';
  }
}

function invoke(handle: Handle, { model, input, output, invoked: told }: Held): WorkerReply {
  const invoked = model.invoke(input, output);
  if (invoked.ok) {
    told[0] = invoked.value.latencyUs;
    told[1] = Number(invoked.value.hasOutput);
  }
  return answerOf(handle, invoked);
}

function answerOf(handle: Handle, result: Result<unknown>): WorkerReply {
  if (result.ok) return 'done';
  const rejection: Rejection = result.rejection;
  // After a trap the instance is in no state to be used again.
  if (rejection.code === 'engine-trapped') models.delete(handle);
  return { kind: 'failed', rejection };
}

function hold(handle: Handle, model: WasmModel): LoadedModel {
  const { facts, hasState } = model;
  const input = new SharedArrayBuffer(sizeOf(facts.inputs));
  const output = new SharedArrayBuffer(sizeOf(facts.outputs));
  const invoked = new SharedArrayBuffer(2 * Float64Array.BYTES_PER_ELEMENT);
  models.set(handle, {
    model,
    input: new Uint8Array(input),
    output: new Uint8Array(output),
    invoked: new Float64Array(invoked),
  });
  return { facts, hasState, input, output, invoked };
}

function heldAs(handle: Handle): Held {
  const held = models.get(handle);
  if (held === undefined) throw new Error(`no model has the handle ${handle}`);
  return held;
}
