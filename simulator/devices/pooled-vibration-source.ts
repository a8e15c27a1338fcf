import type { Prng } from '../prng.js';
import { channels } from '../signals/accelerometer.js';
import type { EnvironmentName } from '../signals/environment.js';
import { pooledMachines, pooledWindows, type WindowPool } from '../signals/window-pool.js';
import { ConditionCourse, type ConditionTerms } from './condition-course.js';
import type { WindowSource } from './window-source.js';

/** A machine of a pool that other devices listen to as well; its condition is the device's own. */
export class PooledVibrationSource implements WindowSource {
  readonly channels = channels;
  readonly #environment: EnvironmentName;
  readonly #pool: WindowPool;
  readonly #course: ConditionCourse;
  readonly #machine: number;
  #number: number;

  constructor(
    terms: ConditionTerms & { readonly environment: EnvironmentName },
    pool: WindowPool,
    prng: Prng,
    nowMs: () => number,
  ) {
    this.#environment = terms.environment;
    this.#pool = pool;
    this.#course = new ConditionCourse(terms, prng.fork(1), nowMs);
    const drawn = prng.fork(2);
    this.#machine = drawn.below(pooledMachines);
    // Those who share a machine do not hear the same at the same time.
    this.#number = drawn.below(pooledWindows);
  }

  get truth(): string {
    return this.#course.present;
  }

  next(values: Float32Array): boolean {
    this.#pool.fill(this.#environment, this.#course.present, this.#machine, this.#number, values);
    this.#number = (this.#number + 1) % pooledWindows;
    return true;
  }
}
