import type { Prng } from '../prng.js';
import { channels } from '../signals/accelerometer.js';
import type { Environment } from '../signals/environment.js';
import { VibrationSignal } from '../signals/vibration-signal.js';
import { ConditionCourse, type ConditionTerms } from './condition-course.js';
import type { WindowSource } from './window-source.js';

/** A rotating machine that one device alone listens to, and where it stands. */
export interface VibrationOptions extends ConditionTerms {
  readonly environment: Environment;
}

/** A rotating machine: its condition is the truth of its windows, and changes as a Poisson process. */
export class VibrationSource implements WindowSource {
  readonly channels = channels;
  readonly #signal: VibrationSignal;
  readonly #course: ConditionCourse;

  constructor(options: VibrationOptions, prng: Prng, nowMs: () => number) {
    this.#course = new ConditionCourse(options, prng.fork(1), nowMs);
    this.#signal = new VibrationSignal(options.environment, this.#course.present, prng.fork(2));
  }

  get truth(): string {
    return this.#course.present;
  }

  next(values: Float32Array): boolean {
    const { present } = this.#course;
    if (present !== this.#signal.condition) this.#signal.condition = present;
    this.#signal.next(values);
    return true;
  }
}
