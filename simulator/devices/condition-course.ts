import type { Prng } from '../prng.js';
import { conditions, type Condition } from '../signals/condition.js';

/** What machines suffer from, and how often that changes. */
export interface ConditionTerms {
  /** Shares of conditions, which need not add up to one. */
  readonly mix: ReadonlyMap<Condition, number>;
  /** Mean time between two changes of condition; Infinity where it never changes. */
  readonly changeMs: number;
}

/** What one machine suffers from: drawn once, and drawn again as a Poisson process. */
export class ConditionCourse {
  readonly #terms: ConditionTerms;
  readonly #prng: Prng;
  readonly #nowMs: () => number;
  #present: Condition;
  #changesAtMs: number;

  constructor(terms: ConditionTerms, prng: Prng, nowMs: () => number) {
    this.#terms = terms;
    this.#prng = prng;
    this.#nowMs = nowMs;
    this.#present = drawCondition(terms.mix, prng);
    this.#changesAtMs = this.#drawChange(0);
  }

  /** What it is now. */
  get present(): Condition {
    while (this.#changesAtMs <= this.#nowMs()) {
      this.#present = drawCondition(this.#terms.mix, this.#prng);
      this.#changesAtMs = this.#drawChange(this.#changesAtMs);
    }
    return this.#present;
  }

  #drawChange(fromMs: number): number {
    const { changeMs } = this.#terms;
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
