import { refuse } from '../../protocol/result.js';
import type { Engine, Handle } from '../../agent/ports/engine.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';

/**
 * What happens to one inference: it goes well, its answer is turned about, its instance ends with a code, or it takes so long
 * before either.
 */
export type InferenceFault =
  FaultCode | 'none' | 'garbled' | { readonly slowMs: number; readonly then?: FaultCode };

/** What happens to one load: it goes on, or is refused with a code that says nothing about the model. */
export type LoadFault = 'none' | 'engine-unavailable' | 'engine-gone' | 'memory-exhausted';

type FaultCode = 'engine-trapped' | 'engine-deadline';

/** An engine whose instances can be seen. */
export interface FaultyEngine extends Engine {
  /** Handles that were loaded and not unloaded. */
  readonly loaded: ReadonlySet<Handle>;
}

/**
 * The engine port over another one, with faults on demand: an instance that fails no longer exists, as the
 * port promises. Everything else is what the other engine does.
 *
 * @param before asked before each inference what becomes of it
 * @param beforeLoad asked before each load
 */
export function createFaultyEngine(
  engine: Engine,
  scheduler: Scheduler,
  before: (handle: Handle) => InferenceFault,
  beforeLoad: (handle: Handle) => LoadFault = () => 'none',
): FaultyEngine {
  const loaded = new Set<Handle>();
  /** Ends the wait of slow inferences. */
  const cutShort = new Map<Handle, () => void>();
  return {
    loaded,
    async load(handle, model, limits) {
      const fault = beforeLoad(handle);
      if (fault !== 'none') return refuse(fault, 'a fault of the simulation');
      const facts = await engine.load(handle, model, limits);
      if (facts.ok) loaded.add(handle);
      return facts;
    },
    async invoke(handle, input, output, deadlineMs) {
      const fault = before(handle);
      if (typeof fault === 'object') {
        await new Promise<void>((resolve) => {
          cutShort.set(handle, resolve);
          scheduler.after(fault.slowMs, resolve);
        });
        // Whoever unloads a model in the middle of an inference gets no answer to it.
        if (!loaded.has(handle)) return refuse('engine-gone', 'the model was unloaded');
      }
      const code = typeof fault === 'object' ? fault.then : fault;
      if (code === 'garbled') {
        const answer = await engine.invoke(handle, input, output, deadlineMs);
        output.reverse();
        return answer;
      }
      if (code !== undefined && code !== 'none') {
        await engine.unload(handle);
        return refuse(code, 'a fault of the simulation');
      }
      return engine.invoke(handle, input, output, deadlineMs);
    },
    share: (handle) => engine.share(handle),
    reset: (handle) => engine.reset(handle),
    unload(handle) {
      loaded.delete(handle);
      cutShort.get(handle)?.();
      return engine.unload(handle);
    },
    close() {
      loaded.clear();
      return engine.close();
    },
  };
}
