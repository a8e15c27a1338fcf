import type { InterpreterLimits } from '../../../wasm/loader/interpreter.js';
import { Worker } from 'node:worker_threads';
import { accept, refuse, type Rejection, type Result } from '../../../protocol/result.js';
import type { Invoked, ModelFacts } from '../../ports/engine.js';
import type { WorkerReply, WorkerRequest } from './worker-message.js';

/** What a worker may take besides the memory of its WebAssembly instance. */
const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8, stackSizeMb: 4 };

/** The agent's end of one model's worker. It can fail only itself: whatever happens there is a code here. */
export class ModelWorker {
  readonly #worker: Worker;
  /** What the two threads share; undefined before a model is loaded. */
  #memory:
    | {
        readonly input: Uint8Array;
        readonly output: Uint8Array;
        readonly invoked: Float64Array;
      }
    | undefined;
  /** Settles the request that is under way. */
  #settle: ((reply: Result<WorkerReply>) => void) | undefined;
  #gone = false;

  constructor(core: WebAssembly.Module) {
    this.#worker = new Worker(new URL('./engine-worker.js', import.meta.url), {
      workerData: { core },
      resourceLimits,
      // A model has nothing to say on the agent's own streams.
      stdout: true,
      stderr: true,
    });
    this.#worker.on('message', (reply: WorkerReply) => {
      this.#finish(accept(reply));
    });
    this.#worker.on('error', (error) => {
      this.#end(refuse('engine-gone', error.message));
    });
    this.#worker.on('exit', (code) => {
      this.#end(refuse('engine-gone', `the worker ended with code ${code}`));
    });
  }

  async load(
    model: Uint8Array,
    limits: InterpreterLimits,
    deadlineMs: number,
  ): Promise<Result<ModelFacts>> {
    const reply = await this.#ask({ kind: 'load', model, limits }, deadlineMs);
    if (!reply.ok) return reply;
    if (typeof reply.value === 'string' || reply.value.kind !== 'loaded')
      return unexpected(reply.value);
    const { loaded } = reply.value;
    if (!loaded.ok) return loaded;
    const { facts, input, output, invoked } = loaded.value;
    this.#memory = {
      input: new Uint8Array(input),
      output: new Uint8Array(output),
      invoked: new Float64Array(invoked),
    };
    return accept(facts);
  }

  async invoke(
    input: Uint8Array,
    output: Uint8Array,
    deadlineMs: number,
  ): Promise<Result<Invoked>> {
    const memory = this.#memory;
    if (memory === undefined) return refuse('engine-gone', 'no model is loaded');
    if (input.length !== memory.input.length || output.length !== memory.output.length) {
      return refuse('input-size-mismatch', `the model takes ${memory.input.length} bytes`);
    }
    memory.input.set(input);
    const reply = await this.#ask('invoke', deadlineMs);
    if (!reply.ok) return reply;
    if (reply.value !== 'invoked') return unexpected(reply.value);
    output.set(memory.output);
    const [latencyUs = 0, hasOutput] = memory.invoked;
    return accept({ latencyUs, hasOutput: hasOutput === 1 });
  }

  async reset(deadlineMs: number): Promise<Result<void>> {
    const reply = await this.#ask('reset', deadlineMs);
    if (!reply.ok) return reply;
    return reply.value === 'reset' ? accept(undefined) : unexpected(reply.value);
  }

  /** Ends the thread, whatever it is doing. */
  async terminate(): Promise<void> {
    this.#end(refuse('engine-gone', 'the model was unloaded'));
    await this.#worker.terminate();
  }

  #ask(request: WorkerRequest, deadlineMs: number): Promise<Result<WorkerReply>> {
    if (this.#gone)
      return Promise.resolve(refuse('engine-gone', 'the worker of the model has ended'));
    if (this.#settle !== undefined) throw new Error('a model answers one request at a time');
    return new Promise((resolve) => {
      let late: NodeJS.Immediate | undefined;
      const timer = setTimeout(() => {
        // Where this thread was busy the answer may be waiting to be read: it is, before this runs.
        late = setImmediate(() => {
          // An endless loop hears nothing: only ending the thread stops it.
          this.#end(refuse('engine-deadline', `no answer within ${Math.round(deadlineMs)} ms`));
          void this.#worker.terminate();
        });
      }, deadlineMs);
      this.#settle = (reply) => {
        clearTimeout(timer);
        clearImmediate(late);
        resolve(reply);
      };
      this.#worker.postMessage(request);
    });
  }

  #finish(reply: Result<WorkerReply>): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(reply);
  }

  #end(why: Result<WorkerReply>): void {
    this.#gone = true;
    this.#finish(why);
  }
}

/** What a worker answers besides what was asked for is why it could not. */
function unexpected(reply: WorkerReply): { readonly ok: false; readonly rejection: Rejection } {
  if (typeof reply !== 'string' && reply.kind === 'failed')
    return { ok: false, rejection: reply.rejection };
  throw new Error(`the worker answered ${JSON.stringify(reply)}`);
}
