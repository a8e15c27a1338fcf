import { accept, refuse, type Result } from '../../../protocol/result.js';
import type { Engine, Handle } from '../../ports/engine.js';
import { loadWasmModel, type WasmModel } from './loaded-model.js';

/**
 * The engine port in the thread of its caller: for tools, and for fleets of simulated devices. It has no
 * deadline, so it is not for models of strangers.
 */
export function createInProcessEngine(core: WebAssembly.Module): Engine {
  const models = new Map<Handle, WasmModel>();
  const withModel = <T>(
    handle: Handle,
    use: (model: WasmModel) => Result<T>,
  ): Promise<Result<T>> => {
    const model = models.get(handle);
    if (model === undefined) {
      return Promise.resolve(refuse('engine-gone', `no model has the handle ${handle}`));
    }
    const result = use(model);
    // After a trap the instance is in no state to be used again.
    if (!result.ok && result.rejection.code === 'engine-trapped') models.delete(handle);
    return Promise.resolve(result);
  };
  return {
    load(handle, model, { arenaBytes, mostWork }) {
      const loaded = loadWasmModel(core, model, { arenaBytes, mostWork });
      if (!loaded.ok) return Promise.resolve(loaded);
      models.set(handle, loaded.value);
      return Promise.resolve(accept(loaded.value.facts));
    },
    invoke: (handle, input, output) => withModel(handle, (model) => model.invoke(input, output)),
    share: () => Promise.resolve(),
    reset: (handle) => withModel(handle, (model) => model.reset()),
    unload(handle) {
      models.delete(handle);
      return Promise.resolve();
    },
    close() {
      models.clear();
      return Promise.resolve();
    },
  };
}
