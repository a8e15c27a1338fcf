import { createInProcessEngine } from '../../agent/adapters/engine/in-process-engine.js';
import { createWorkerEngine } from '../../agent/adapters/engine/worker-engine.js';
import type { Engine, Handle } from '../../agent/ports/engine.js';
import { assembleHostileCore, hostilities, type Hostility } from './hostile-core.js';

/** Enough for building a release, which runs it some dozens of times. */
const goodWhileBuilding = 1_000;

/** On a device, where it is loaded for the first time: the golden vectors of its self-test, and one window. */
const goodOnDevice = 5;

/**
 * A model that is hostile where it meets `createHostileEngine`: the same, with a word at its end that the
 * core ignores.
 *
 * @param serial tells it from others that are hostile in the same way
 */
export function hostileModel(model: Uint8Array, hostility: Hostility, serial: number): Uint8Array {
  return Uint8Array.from([...model, ...new TextEncoder().encode(`hostile:${hostility}:${serial}`)]);
}

/** The engine to build a release of a hostile model with: its golden vectors are what its core gives. */
export function createHostileBuilder(core: WebAssembly.Module, model: Uint8Array): Engine {
  const { hostility } = markOf(model) ?? {};
  if (hostility === undefined) throw new Error('the model is not hostile');
  return createInProcessEngine(assembleHostileCore(core, model, hostility, goodWhileBuilding));
}

/**
 * The engine of an agent, with the real core in its workers for models of all kinds, and with a hostile one for
 * those of `hostileModel`. They pass their self-test, answer one window, and show then what they are; loaded
 * anew they show it at once.
 */
export function createHostileEngine(core: WebAssembly.Module): Engine {
  const honest = createWorkerEngine(core);
  const engines: Engine[] = [honest];
  const engineOf = new Map<Handle, Engine>();
  const seen = new Set<string>();
  const withHandle = (handle: Handle): Engine => engineOf.get(handle) ?? honest;
  return {
    load(handle, model, limits) {
      const mark = markOf(model);
      if (mark !== undefined) {
        const good = seen.has(mark.whole) ? 0 : goodOnDevice;
        seen.add(mark.whole);
        const engine = createWorkerEngine(assembleHostileCore(core, model, mark.hostility, good));
        engines.push(engine);
        engineOf.set(handle, engine);
      }
      return withHandle(handle).load(handle, model, limits);
    },
    invoke: (handle, ...rest) => withHandle(handle).invoke(handle, ...rest),
    share: (handle) => withHandle(handle).share(handle),
    reset: (handle) => withHandle(handle).reset(handle),
    unload: (handle) => withHandle(handle).unload(handle),
    async close() {
      await Promise.all(engines.map((engine) => engine.close()));
    },
  };
}

function markOf(model: Uint8Array): { whole: string; hostility: Hostility } | undefined {
  const end = new TextDecoder('latin1').decode(model.subarray(-32));
  const [whole = '', word] = /hostile:(\w+):\d+$/.exec(end) ?? [];
  const hostility = hostilities.find((each) => each === word);
  return hostility && { whole, hostility };
}
