import { Worker } from 'node:worker_threads';
import { CodedError } from '../protocol/coded-error.js';
import type { Rejection } from '../protocol/result.js';
import type { TensorFacts } from '../wasm/loader/interpreter.js';
import { requiredLimits, type ModelLimits } from './model.js';
import type { PoolReply, PoolWorkerData } from './pool-message.js';
import { isStoredAs, type TensorArray } from './tensor-array.js';

/** How many threads run a model, and what it may take in each. */
export interface PoolOptions extends ModelLimits {
  /** Two where absent. */
  readonly workers?: number;
}

/** An inference that a thread was asked for. */
interface Asked {
  readonly resolve: (outputs: readonly TensorArray[]) => void;
  readonly reject: (error: CodedError) => void;
}

/**
 * A model in several threads, each with a copy in memory of its own, for as many inferences at a time. Models that keep state are
 * refused (`batch-unsupported`): which window meets which state would be left to chance.
 */
export class WorkerPool {
  readonly inputs: readonly TensorFacts[];
  readonly outputs: readonly TensorFacts[];
  readonly #threads: readonly PoolThread[];

  /** Starts the threads and loads the model in each. Throws a {@link CodedError} where it is refused. */
  static async start(
    core: WebAssembly.Module,
    bytes: Uint8Array,
    { workers = 2, ...limits }: PoolOptions = {},
  ): Promise<WorkerPool> {
    if (!Number.isInteger(workers) || workers < 1) throw new RangeError(`${workers} workers`);
    const model = new SharedArrayBuffer(bytes.length);
    new Uint8Array(model).set(bytes);
    const data: PoolWorkerData = { core, model, limits: requiredLimits(limits) };
    const threads = Array.from({ length: workers }, () => new PoolThread(data));
    try {
      const [first] = await Promise.all(threads.map((thread) => thread.ready));
      if (first === undefined) throw new Error('no thread was started');
      return new WorkerPool(threads, first);
    } catch (error) {
      await Promise.all(threads.map((thread) => thread.end()));
      throw error;
    }
  }

  private constructor(
    threads: readonly PoolThread[],
    { inputs, outputs }: Pick<WorkerPool, 'inputs' | 'outputs'>,
  ) {
    this.#threads = threads;
    this.inputs = inputs;
    this.outputs = outputs;
  }

  /**
   * One inference, in the thread that has the least to do: gives the elements of each output as they are stored. Nothing is copied on the
   * way to the thread and back: an array that fills its buffer goes over, and is empty afterwards; one in a `SharedArrayBuffer` is read
   * there, and is to be left alone until the answer.
   */
  async run(...inputs: readonly TensorArray[]): Promise<readonly TensorArray[]> {
    const fits = this.inputs.every(({ type, byteLength }, i) => {
      const values = inputs[i];
      return isStoredAs(type, values) && values.byteLength === byteLength;
    });
    if (!fits || inputs.length !== this.inputs.length) {
      throw new CodedError(
        'input-size-mismatch',
        'inputs are not as many, of such types and sizes',
      );
    }
    const [thread] = this.#threads.filter(({ isGone }) => !isGone).sort((a, b) => a.load - b.load);
    if (thread === undefined) throw new CodedError('engine-gone', 'all threads have ended');
    return thread.run(inputs);
  }

  /** Ends all threads; what they were asked for is refused with `engine-gone`. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }
}

/** The pool's end of one thread. */
class PoolThread {
  readonly ready: Promise<Pick<WorkerPool, 'inputs' | 'outputs'>>;
  readonly #worker: Worker;
  readonly #asked: Asked[] = [];
  #gone = false;

  constructor(workerData: PoolWorkerData) {
    this.#worker = new Worker(new URL('./pool-worker.js', import.meta.url), { workerData });
    this.ready = new Promise((resolve, reject) => {
      this.#worker.on('message', (reply: PoolReply) => {
        if (reply.kind === 'ready') resolve(reply);
        else if (reply.kind === 'answered') this.#asked.shift()?.resolve(reply.outputs);
        else (this.#asked.shift()?.reject ?? reject)(coded(reply.rejection));
      });
      this.#worker.on('error', (error) => {
        reject(this.#refuse(error.message));
      });
      this.#worker.on('exit', (code) => {
        reject(this.#refuse(`the worker ended with code ${code}`));
      });
    });
  }

  get isGone(): boolean {
    return this.#gone;
  }

  /** Inferences that are not answered yet. */
  get load(): number {
    return this.#asked.length;
  }

  run(inputs: readonly TensorArray[]): Promise<readonly TensorArray[]> {
    return new Promise((resolve, reject) => {
      const transferred = inputs.flatMap(({ buffer, byteLength }) =>
        buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [],
      );
      this.#worker.postMessage(inputs, transferred);
      this.#asked.push({ resolve, reject });
    });
  }

  async end(): Promise<void> {
    this.#refuse('the pool was closed');
    await this.#worker.terminate();
  }

  /** Refuses what is asked and will be. */
  #refuse(detail: string): CodedError {
    this.#gone = true;
    const error = coded({ code: 'engine-gone', detail });
    for (const asked of this.#asked.splice(0)) asked.reject(error);
    return error;
  }
}

function coded({ code, detail }: Rejection): CodedError {
  return new CodedError(code, detail);
}
