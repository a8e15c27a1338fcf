import type { Engine, Handle, Invoked, ModelFacts } from '../../agent/ports/engine.js';
import { accept, refuse, type Result } from '../../protocol/result.js';
import { latencyUsOf, workOf, type ComputeRates } from '../boards/cost-model.js';
import { Later } from '../time/later.js';
import type { Lane } from '../time/lane.js';
import type { ModelPool, PooledModel } from './model-pool.js';

/** What becomes of one inference. */
export interface InferenceFate {
  readonly slowdown: number;
  readonly ends: 'well' | 'engine-trapped' | 'engine-deadline';
  /** Whether another class is answered than the model's. */
  readonly isWrong: boolean;
}

/** What a device does with one model beyond what the model says; drawn for each inference by its input. */
export type Behaviour = (input: Uint8Array) => InferenceFate;

/** The behaviour of a model, by its bytes; undefined where it does what it says. */
export type BehaviourOf = (model: Uint8Array) => Behaviour | undefined;

/** The processor of a device. */
export interface Processor {
  readonly rates: ComputeRates;
  /** So many times slower than its rates at present. */
  slowdown: number;
  /** Of the arena limit, so much is there at present. */
  arenaShare: number;
  /** How long it has computed inferences, in microseconds. */
  busyUs: number;
  /** The next inference finds its thread gone. */
  crashes: boolean;
  readonly behaviour: BehaviourOf;
}

interface Loaded {
  readonly model: PooledModel;
  readonly latencyUs: number;
  readonly behaviour: Behaviour | undefined;
}

/**
 * The engine port of a simulated device: real inference, and the time that the device's processor would take for it.
 */
export function createSimulatedEngine(pool: ModelPool, lane: Lane, processor: Processor): Engine {
  const models = new Map<Handle, Loaded>();
  /** What waits for inferences under way. */
  const underWay = new Map<Handle, Later<Result<Invoked>>>();
  const gone = (handle: Handle): Result<never> =>
    refuse('engine-gone', `no model has the handle ${handle}`);
  return {
    load(handle, model, limits) {
      const arenaBytes = Math.floor(limits.arenaBytes * processor.arenaShare);
      const loaded = pool.load(model, { ...limits, arenaBytes });
      if (loaded.ok) {
        const latencyUs = latencyUsOf(workOf(loaded.value.report), processor.rates);
        const behaviour = processor.behaviour(model);
        models.set(handle, { model: loaded.value, latencyUs, behaviour });
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
      const { model, behaviour } = loaded;
      const fate = behaviour?.(input);
      const latencyUs = loaded.latencyUs * processor.slowdown * (fate?.slowdown ?? 1);
      let ends = fate?.ends ?? 'well';
      if (latencyUs > deadlineMs * 1000) ends = 'engine-deadline';
      const crashed = processor.crashes;
      processor.crashes = false;
      underWay.set(handle, later);
      processor.busyUs += Math.min(latencyUs, deadlineMs * 1000);
      if (crashed || ends !== 'well') {
        const code = crashed || ends === 'well' ? 'engine-gone' : ends;
        lane.after(code === 'engine-deadline' ? deadlineMs : latencyUs / 1000, () => {
          models.delete(handle);
          underWay.delete(handle);
          later.settle(refuse(code, 'a fault of the simulation'));
        });
        return later;
      }
      const hasOutput = model.run(input, output);
      if (fate?.isWrong === true) model.confuse(output);
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
    share() {
      // All models of a device are in one thread anyway.
      return Later.of(lane, undefined);
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
