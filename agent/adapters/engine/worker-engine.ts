import { refuse, type Result } from '../../../protocol/result.js';
import type { Engine, Handle } from '../../ports/engine.js';
import { ModelWorker } from './model-worker.js';

/** How long putting a model back to its start may take. */
const resetDeadlineMs = 5_000;

/** How models are run. */
export interface EngineOptions {
  /** Packs no weights, for gateways with little memory. */
  readonly compact?: boolean;
}

/**
 * The engine port with one thread for each model: an endless loop, a trap or too much memory in one
 * ends that one, and nothing else.
 */
export function createWorkerEngine(
  core: WebAssembly.Module,
  { compact = false }: EngineOptions = {},
): Engine {
  const workers = new Map<Handle, ModelWorker>();
  const unload = async (handle: Handle): Promise<void> => {
    const worker = workers.get(handle);
    workers.delete(handle);
    await worker?.terminate();
  };
  const withWorker = async <T>(
    handle: Handle,
    use: (worker: ModelWorker) => Promise<Result<T>>,
  ): Promise<Result<T>> => {
    const worker = workers.get(handle);
    if (worker === undefined) return refuse('engine-gone', `no model has the handle ${handle}`);
    return use(worker);
  };
  return {
    async load(handle, model, { arenaBytes, mostWork, deadlineMs }) {
      if (workers.has(handle)) throw new Error(`the handle ${handle} was used before`);
      let worker: ModelWorker;
      try {
        worker = new ModelWorker(core);
      } catch (error) {
        return refuse('engine-unavailable', error instanceof Error ? error.message : String(error));
      }
      workers.set(handle, worker);
      const facts = await worker.load(model, { arenaBytes, mostWork, compact }, deadlineMs);
      if (!facts.ok) await unload(handle);
      return facts;
    },
    invoke: (handle, input, output, deadlineMs) =>
      withWorker(handle, (worker) => worker.invoke(input, output, deadlineMs)),
    reset: (handle) => withWorker(handle, (worker) => worker.reset(resetDeadlineMs)),
    unload,
    async close() {
      await Promise.all([...workers.keys()].map(unload));
    },
  };
}
