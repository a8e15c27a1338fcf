import type { Prng } from '../prng.js';
import { channels } from '../signals/accelerometer.js';
import { conditions, type Condition } from '../signals/condition.js';
import type { Environment } from '../signals/environment.js';
import { VibrationSignal } from '../signals/vibration-signal.js';
import type { WindowSource } from './window-source.js';

/** What one machine suffers from, and how often that changes. */
export interface VibrationOptions {
  readonly environment: Environment;
  /** Shares of conditions, which need not add up to one. */
  readonly mix: ReadonlyMap<Condition, number>;
  /** Mean time between two changes of condition; Infinity where it never changes. */
  readonly changeMs: number;
}

/** A rotating machine: its condition is the truth of its windows, and changes as a Poisson process. */
export class VibrationSource implements WindowSource {
  readonly channels = channels;
  readonly #signal: VibrationSignal;
  readonly #options: VibrationOptions;
  readonly #prng: Prng;
  readonly #nowMs: () => number;
  #changesAtMs: number;

  constructor(options: VibrationOptions, prng: Prng, nowMs: () => number) {
    this.#options = options;
    this.#prng = prng.fork(1);
    this.#nowMs = nowMs;
    const condition = drawCondition(options.mix, this.#prng);
    this.#signal = new VibrationSignal(options.environment, condition, prng.fork(2));
    this.#changesAtMs = this.#drawChange(0);
  }

  get truth(): string {
    this.#keepUp();
    return this.#signal.condition;
  }

  next(values: Float32Array): boolean {
    this.#keepUp();
    this.#signal.next(values);
    return true;
  }

  #keepUp(): void {
    while (this.#changesAtMs <= this.#nowMs()) {
      this.#signal.condition = drawCondition(this.#options.mix, this.#prng);
      this.#changesAtMs = this.#drawChange(this.#changesAtMs);
    }
  }

  #drawChange(fromMs: number): number {
    const { changeMs } = this.#options;
    // The wait of a Poisson process; 1 - u is never zero.
    if (changeMs === Infinity) return Infinity;
    return fromMs - Math.log(1 - this.#prng.uniform(0, 1)) * changeMs;
  }
}

function drawCondition(mix: ReadonlyMap<Condition, number>, prng: Prng): Condition {
  const total = [...mix.values()].reduce((sum, share) => sum + share, 0);
  let drawn = prng.uniform(0, total);
  for (const [condition, share] of mix) {
    drawn -= share;
    if (drawn < 0) return condition;
  }
  return [...mix.keys()].at(-1) ?? conditions[0];
}
