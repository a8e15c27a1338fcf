import { promiseHooks } from 'node:v8';

/**
 * Calls back whenever a native promise is made, until the returned function is called. Devices of a simulation make none: when it
 * settles would be decided by the engine, and a run could not be replayed on another one.
 */
export function watchPromises(made: () => void): () => void {
  // Node's declarations say no more of it than that it can be called.
  return promiseHooks.onInit(made) as () => void;
}
