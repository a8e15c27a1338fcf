import type { Engine, Handle, Invoked, ModelFacts } from '../../agent/ports/engine.js';
import { accept, refuse, type Result } from '../../protocol/result.js';
import { latencyUsOf, type ComputeRates } from '../boards/board.js';
import { Later } from '../time/later.js';
import type { Lane } from '../time/lane.js';
import type { ModelPool, PooledModel } from './model-pool.js';

/** What becomes of one inference besides what the model says. */
export type InferenceFate = 'none' | 'engine-trapped' | 'engine-deadline' | 'engine-gone';

/** The processor of a device. */
export interface Processor {
  readonly rates: ComputeRates;
  /** So many times slower than its rates at present. */
  slowdown: number;
  /** Of the arena limit, so much is there at present. */
  arenaShare: number;
  /** Asked before each inference: by the model that is run, what becomes of it. */
  fate: (handle: Handle) => InferenceFate;
  /** Asked after each inference: may change its outputs, as a release does that behaves differently. */
  distort: (handle: Handle, output: Uint8Array) => void;
}

/**
 * The engine port of a simulated device: real inference, and the time that the device's processor would take for it.
 */
export function createSimulatedEngine(
  pool: ModelPool,
  lane: Lane,
  processor: Processor,
): Engine {
  const models = new Map<Handle, { readonly model: PooledModel; readonly latencyUs: number }>();
  /** What waits for inferences under way. */
  const underWay = new Map<Handle, Later<Result<Invoked>>>();
  const gone = (handle: Handle): Result<never> =>
    refuse('engine-gone', `no model has the handle ${handle}`);
  return {
    load(handle, model, limits) {
      const arenaBytes = Math.floor(limits.arenaBytes * processor.arenaShare);
      const loaded = pool.load(model, { ...limits, arenaBytes });
      if (loaded.ok) {
        const latencyUs = latencyUsOf(loaded.value.report, processor.rates);
        models.set(handle, { model: loaded.value, latencyUs });
      }
      const facts: Result<ModelFacts> = loaded.ok ? accept(loaded.value.facts) : loaded;
      return Later.of(lane, facts);
    },
    invoke(handle, input, output, deadlineMs) {
      const later = new Later<Result<Invoked>>(lane);
      const loaded = models.get(handle);
      if (loaded === undefined) {
        later.settle(gone(handle));
        return later;
      }
      const latencyUs = loaded.latencyUs * processor.slowdown;
      let fate = processor.fate(handle);
      if (fate === 'none' && latencyUs > deadlineMs * 1000) fate = 'engine-deadline';
      underWay.set(handle, later);
      if (fate !== 'none') {
        const code = fate;
        lane.after(code === 'engine-deadline' ? deadlineMs : latencyUs / 1000, () => {
          models.delete(handle);
          underWay.delete(handle);
          later.settle(refuse(code, 'a fault of the simulation'));
        });
        return later;
      }
      const hasOutput = loaded.model.run(input, output);
      processor.distort(handle, output);
      lane.after(latencyUs / 1000, () => {
        underWay.delete(handle);
        later.settle(accept({ latencyUs, hasOutput }));
      });
      return later;
    },
    reset(handle) {
      const loaded = models.get(handle);
      loaded?.model.reset();
      return Later.of(lane, loaded === undefined ? gone(handle) : accept(undefined));
    },
    unload(handle) {
      models.delete(handle);
      underWay.get(handle)?.settle(refuse('engine-gone', 'the model was unloaded'));
      underWay.delete(handle);
      return Later.of(lane, undefined);
    },
    close() {
      models.clear();
      return Later.of(lane, undefined);
    },
  };
}
