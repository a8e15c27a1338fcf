import { Worker } from 'node:worker_threads';
import { accept, refuse, type Rejection, type Result } from '../../../protocol/result.js';
import type { InterpreterLimits } from '../../../wasm/loader/interpreter.js';
import type { Handle, Invoked, ModelFacts } from '../../ports/engine.js';
import type { WorkerReply, WorkerRequest } from './worker-message.js';

/** A model as it is loaded: its file, what it may take, and how long loading may last. */
export interface ModelFile {
  readonly model: Uint8Array;
  readonly limits: InterpreterLimits;
  readonly deadlineMs: number;
}

/** What loading found out, and whether anything of the model outlives an inference. */
export interface LoadedFacts {
  readonly facts: ModelFacts;
  readonly hasState: boolean;
}

/** What became of a request: `unheard` where the thread has ended over another one, or before. */
export type Outcome<T> = Result<T> | 'unheard';

/** What a thread may take besides the memory of its WebAssembly instances. */
const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8, stackSizeMb: 4 };

interface Waiting {
  readonly request: WorkerRequest;
  readonly deadlineMs: number;
  readonly settle: (outcome: Outcome<WorkerReply>) => void;
}

/** What the two threads share of a model. */
interface Shared {
  readonly input: Uint8Array;
  readonly output: Uint8Array;
  readonly invoked: Float64Array;
}

/**
 * The agent's end of one thread with models. Requests are answered one after the other, each within its deadline from its turn
 * on. Whatever happens there is a code here, for the model whose turn it was and for no other.
 */
export class EngineThread {
  readonly #worker: Worker;
  readonly #models = new Map<Handle, Shared>();
  readonly #queue: Waiting[] = [];
  /** What is under way: the first of the queue. */
  #underWay: { readonly waiting: Waiting; readonly stopWatch: () => void } | undefined;
  #hasEnded = false;

  /** Throws where this device has no thread for it. */
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
      this.#next();
    });
    this.#worker.on('error', (error) => {
      this.#end(refuse('engine-gone', error.message));
    });
    this.#worker.on('exit', (code) => {
      this.#end(refuse('engine-gone', `the worker ended with code ${code}`));
    });
  }

  /** Whether it answers nothing any more. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The model whose turn it is; undefined where nothing is under way. */
  get busyWith(): Handle | undefined {
    return this.#underWay && handleOf(this.#underWay.waiting.request);
  }

  async load(
    handle: Handle,
    { model, limits, deadlineMs }: ModelFile,
  ): Promise<Outcome<LoadedFacts>> {
    const reply = await this.#ask({ kind: 'load', handle, model, limits }, deadlineMs);
    if (reply === 'unheard' || !reply.ok) return reply;
    if (typeof reply.value === 'string' || reply.value.kind !== 'loaded')
      return unexpected(reply.value);
    const { loaded } = reply.value;
    if (!loaded.ok) return loaded;
    const { facts, hasState, input, output, invoked } = loaded.value;
    this.#models.set(handle, {
      input: new Uint8Array(input),
      output: new Uint8Array(output),
      invoked: new Float64Array(invoked),
    });
    return accept({ facts, hasState });
  }

  async invoke(
    handle: Handle,
    input: Uint8Array,
    output: Uint8Array,
    deadlineMs: number,
  ): Promise<Outcome<Invoked>> {
    const memory = this.#models.get(handle);
    if (memory === undefined) return refuse('engine-gone', 'no model is loaded');
    if (input.length !== memory.input.length || output.length !== memory.output.length) {
      return refuse('input-size-mismatch', `the model takes ${memory.input.length} bytes`);
    }
    memory.input.set(input);
    const done = await this.#do(handle, deadlineMs);
    if (done === 'unheard' || !done.ok) return done;
    output.set(memory.output);
    const [latencyUs = 0, hasOutput] = memory.invoked;
    return accept({ latencyUs, hasOutput: hasOutput === 1 });
  }

  async reset(handle: Handle, deadlineMs: number): Promise<Outcome<void>> {
    if (!this.#models.has(handle)) return refuse('engine-gone', 'no model is loaded');
    return this.#do({ kind: 'reset', handle }, deadlineMs);
  }

  /** Ends one instance and leaves the others as they are. */
  async drop(handle: Handle, deadlineMs: number): Promise<void> {
    this.#models.delete(handle);
    for (const waiting of this.#queue.filter(({ request }) => handleOf(request) === handle)) {
      this.#queue.splice(this.#queue.indexOf(waiting), 1);
      waiting.settle(refuse('engine-gone', 'the model was unloaded'));
    }
    await this.#ask({ kind: 'drop', handle }, deadlineMs);
  }

  /** Ends the thread, whatever it is doing. */
  async terminate(): Promise<void> {
    this.#end(refuse('engine-gone', 'the model was unloaded'));
    await this.#worker.terminate();
  }

  async #do(request: WorkerRequest, deadlineMs: number): Promise<Outcome<void>> {
    const reply = await this.#ask(request, deadlineMs);
    if (reply === 'unheard' || !reply.ok) return reply;
    if (reply.value === 'done') return accept(undefined);
    const failed = unexpected(reply.value);
    // The thread has thrown the instance away.
    if (failed.rejection.code === 'engine-trapped') this.#models.delete(handleOf(request));
    return failed;
  }

  #ask(request: WorkerRequest, deadlineMs: number): Promise<Outcome<WorkerReply>> {
    if (this.#hasEnded) return Promise.resolve('unheard');
    return new Promise((settle) => {
      this.#queue.push({ request, deadlineMs, settle });
      this.#next();
    });
  }

  #next(): void {
    if (this.#underWay !== undefined) return;
    const waiting = this.#queue.shift();
    if (waiting === undefined) return;
    let late: NodeJS.Immediate | undefined;
    const timer = setTimeout(() => {
      // Where this thread was busy the answer may be waiting to be read: it is, before this runs.
      late = setImmediate(() => {
        const within = `no answer within ${Math.round(waiting.deadlineMs)} ms`;
        // An endless loop hears nothing: only ending the thread stops it.
        this.#end(refuse('engine-deadline', within));
        void this.#worker.terminate();
      });
    }, waiting.deadlineMs);
    const stopWatch = (): void => {
      clearTimeout(timer);
      clearImmediate(late);
    };
    this.#underWay = { waiting, stopWatch };
    this.#worker.postMessage(waiting.request);
  }

  #finish(outcome: Result<WorkerReply>): void {
    const { waiting, stopWatch } = this.#underWay ?? {};
    this.#underWay = undefined;
    stopWatch?.();
    waiting?.settle(outcome);
  }

  #end(why: Result<WorkerReply>): void {
    this.#hasEnded = true;
    this.#finish(why);
    for (const { settle } of this.#queue.splice(0)) settle('unheard');
  }
}

function handleOf(request: WorkerRequest): Handle {
  return typeof request === 'number' ? request : request.handle;
}

/** What a thread answers besides what was asked for is why it could not. */
function unexpected(reply: WorkerReply): { readonly ok: false; readonly rejection: Rejection } {
  if (typeof reply !== 'string' && reply.kind === 'failed')
    return { ok: false, rejection: reply.rejection };
  throw new Error(`the worker answered ${JSON.stringify(reply)}`);
}
