import type { LoadedRelease } from '../../agent/core/inference/loaded-release.js';
import { Window } from '../../agent/core/inference/window.js';
import { Tasks, type Process } from '../../agent/core/process.js';
import { loadModels } from '../../agent/core/update/load-release.js';
import type { Handle } from '../../agent/ports/engine.js';
import { expectOk } from '../../protocol/coded-error.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { accept } from '../../protocol/result.js';
import type { ModelPool, PooledModel } from '../devices/model-pool.js';
import type { Behaviour, BehaviourOf } from '../devices/simulated-engine.js';

/** No twin is held back by the limits of a device: the release has run there. */
const arenaBytes = 2 ** 30;

interface TwinModel {
  readonly model: PooledModel;
  readonly behaviour: Behaviour | undefined;
}

/**
 * What a release would have answered on a device where another one serves: the agent's own pipeline and the same models, at once
 * and outside of its time.
 */
export class Twin {
  readonly #release: LoadedRelease;
  readonly #models: ReadonlyMap<Handle, TwinModel>;
  readonly #window: Window;

  /** Throws where the release cannot be loaded, which no release can that has served. */
  constructor({ manifest, artifacts }: ReleaseFile, pool: ModelPool, behaviourOf: BehaviourOf) {
    const models = new Map<Handle, TwinModel>();
    this.#models = models;
    this.#window = new Window(manifest.pipeline.window);
    let handles = 0;
    const loading = loadModels(
      { nextHandle: () => ++handles, arenaBytes },
      { sequence: manifest.sequence, manifest: '' },
      manifest,
      // eslint-disable-next-line require-yield -- the file is in memory
      function* (artifact) {
        return accept(artifacts[manifest.artifacts.indexOf(artifact)] ?? new Uint8Array());
      },
      [],
    );
    const loaded = perform(loading, (effect, tasks) => {
      if (effect.kind !== 'load') throw new Error(`loading asks for ${effect.kind}`);
      const model = pool.load(effect.model, effect);
      if (model.ok)
        models.set(effect.handle, { model: model.value, behaviour: behaviourOf(effect.model) });
      tasks.answer(effect.request, model.ok ? accept(model.value.facts) : model);
    });
    this.#release = expectOk(loaded);
  }

  /** The answer to what the sensor has delivered; undefined where that completes no window, or has no answer. */
  answer(values: Float32Array): string | undefined {
    let label: string | undefined;
    this.#window.push(values, (window, place) => {
      const answered = perform(this.#release.answer(window, place, Infinity), (effect, tasks) => {
        if (effect.kind === 'invoke') {
          const { model, behaviour } = found(this.#models, effect.handle);
          const hasOutput = model.run(effect.input, effect.output);
          if (behaviour?.(effect.input).isWrong === true) model.confuse(effect.output);
          tasks.answer(effect.request, accept({ latencyUs: 0, hasOutput }));
        } else if (effect.kind === 'reset') {
          found(this.#models, effect.handle).model.reset();
          tasks.answer(effect.request, accept(undefined));
        } else throw new Error(`answering asks for ${effect.kind}`);
      });
      label = answered.ok ? answered.value?.label : undefined;
    });
    return label;
  }
}

type Effect = ReturnType<Tasks['takeEffects']>[number];

/** Carries a process out at once. */
function perform<T>(process: Process<T>, carryOut: (effect: Effect, tasks: Tasks) => void): T {
  const tasks = new Tasks();
  let done: { readonly given: T } | undefined;
  tasks.run(
    (function* (): Process<void> {
      done = { given: yield* process };
    })(),
  );
  for (let effects = tasks.takeEffects(); effects.length > 0; effects = tasks.takeEffects())
    for (const effect of effects) carryOut(effect, tasks);
  const { given } = done ?? fail();
  return given;
}

function fail(): never {
  throw new Error('the process waits for ever');
}

function found(models: ReadonlyMap<Handle, TwinModel>, handle: Handle): TwinModel {
  const model = models.get(handle);
  if (model === undefined) throw new Error(`no model has the handle ${handle}`);
  return model;
}
