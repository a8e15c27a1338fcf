import { accept, refuse, type Result } from '../../../protocol/result.js';
import type { Engine, Handle } from '../../ports/engine.js';
import { EngineThread, type LoadedFacts, type ModelFile, type Outcome } from './engine-thread.js';
import { SharedThread } from './shared-thread.js';

/** How long putting a model back to its start may take. */
const resetDeadlineMs = 5_000;

/** How models are run. */
export interface EngineOptions {
  /** Packs no weights, for gateways with little memory. */
  readonly compact?: boolean;
  /** `own` where left out; `shared` has models in one thread that are trusted and keep no state. */
  readonly workers?: 'own' | 'shared';
}

/**
 * The engine port with one thread for each model: an endless loop, a trap or too much memory in one ends that one, and
 * nothing else. Where trusted models share a thread, those beside one that ends it wait until they are loaded again.
 */
export function createWorkerEngine(
  core: WebAssembly.Module,
  { compact = false, workers = 'own' }: EngineOptions = {},
): Engine {
  const places = new Map<Handle, EngineThread | SharedThread>();
  const shared = workers === 'shared' ? new SharedThread(core) : undefined;
  /** Of models with threads of their own that may be moved to the shared one. */
  const movable = new Map<Handle, ModelFile>();

  const unload = async (handle: Handle): Promise<void> => {
    const place = places.get(handle);
    places.delete(handle);
    movable.delete(handle);
    if (place instanceof SharedThread) await place.unload(handle);
    else await place?.terminate();
  };
  const loadAlone = async (handle: Handle, file: ModelFile): Promise<Result<LoadedFacts>> => {
    let thread: EngineThread;
    try {
      thread = new EngineThread(core);
    } catch (error) {
      return refuse('engine-unavailable', error instanceof Error ? error.message : String(error));
    }
    places.set(handle, thread);
    const loaded = heard(await thread.load(handle, file));
    const isMovable = shared !== undefined && loaded.ok && !loaded.value.hasState;
    if (isMovable && places.has(handle)) movable.set(handle, file);
    return loaded;
  };
  /** Loads it in the shared thread; undefined where it keeps state, which a neighbour could cost it. */
  const loadBeside = async (
    together: SharedThread,
    handle: Handle,
    file: ModelFile,
  ): Promise<Result<LoadedFacts> | undefined> => {
    places.set(handle, together);
    const loaded = await together.load(handle, file);
    if (!loaded.ok || (places.has(handle) && !loaded.value.hasState)) return loaded;
    await together.unload(handle);
    return places.has(handle) ? undefined : refuse('engine-gone', 'the model was unloaded');
  };
  const ask = async <T>(
    handle: Handle,
    request: (place: EngineThread | SharedThread) => Promise<Outcome<T>>,
  ): Promise<Result<T>> => {
    const place = places.get(handle);
    if (place === undefined) return refuse('engine-gone', `no model has the handle ${handle}`);
    return heard(await request(place));
  };
  return {
    async load(handle, model, { arenaBytes, mostWork, deadlineMs, mayShare = false }) {
      if (places.has(handle)) throw new Error(`the handle ${handle} was used before`);
      const limits = { arenaBytes, mostWork, compact };
      // What is kept for later must not be the caller's.
      const file = { model: shared === undefined ? model : model.slice(), limits, deadlineMs };
      const beside = mayShare && shared ? await loadBeside(shared, handle, file) : undefined;
      const loaded = beside ?? (await loadAlone(handle, file));
      if (!loaded.ok) await unload(handle);
      return loaded.ok ? accept(loaded.value.facts) : loaded;
    },
    async share(handle) {
      const file = movable.get(handle);
      const before = places.get(handle);
      if (shared === undefined || file === undefined || !(before instanceof EngineThread)) return;
      movable.delete(handle);
      const loaded = await shared.load(handle, file);
      if (!loaded.ok) return;
      if (places.get(handle) !== before || before.hasEnded) {
        await shared.unload(handle);
        return;
      }
      places.set(handle, shared);
      // What it was asked before is answered before.
      await before.drop(handle, file.deadlineMs);
      await before.terminate();
    },
    invoke: (handle, input, output, deadlineMs) =>
      ask(handle, (place) => place.invoke(handle, input, output, deadlineMs)),
    reset: (handle) => ask(handle, (place) => place.reset(handle, resetDeadlineMs)),
    unload,
    async close() {
      await Promise.all([...places.keys()].map(unload));
      await shared?.close();
    },
  };
}

/** A model that is alone in its thread has ended it, whatever it was asked then. */
function heard<T>(outcome: Outcome<T>): Result<T> {
  return outcome === 'unheard'
    ? refuse('engine-gone', 'the worker of the model has ended')
    : outcome;
}
