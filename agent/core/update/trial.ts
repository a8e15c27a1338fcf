import type { TrialTerms } from '../../../protocol/documents/policy.js';
import { judgeFailure, Punctuality } from '../experiment/punctuality.js';
import type { Rejection } from '../../../protocol/result.js';
import type { BernoulliCounts } from '../../../protocol/statistics/beta-binomial.js';

/** How far a trial has come, over all starts of the device. */
export interface TrialProgress {
  readonly soakMs: number;
  readonly inferences: number;
}

/** How often the progress of a trial is written down: power loss costs no more than this. */
export const progressMs = 30_000;

/** Without enough traffic for so long, and for longer than its soak, a trial is starved. */
const starvedAfterMs = 60_000;

/** Counts the trial of a release in one run of the device. All instants are monotonic. */
export class Trial {
  #terms: TrialTerms;
  readonly #before: TrialProgress;
  readonly #startMs: number;
  readonly #punctuality = new Punctuality();
  #inferences = 0;
  #starvationTold = false;

  constructor(terms: TrialTerms, before: TrialProgress, startMs: number) {
    this.#terms = terms;
    this.#before = before;
    this.#startMs = startMs;
  }

  /** A later policy demands something else. */
  demand(terms: TrialTerms): void {
    this.#terms = terms;
  }

  /** Good inferences in this run: what came after the last load of its models. */
  get inferencesInThisRun(): number {
    return this.#inferences;
  }

  /** A window was answered. */
  answered(): void {
    this.#inferences++;
    this.#punctuality.answered();
  }

  /** A window was not answered. Gives why the trial is over; undefined where it goes on. */
  failed(rejection: Rejection, champion: BernoulliCounts): Rejection | undefined {
    return judgeFailure(rejection, this.#punctuality, champion);
  }

  progress(nowMs: number): TrialProgress {
    return {
      soakMs: this.#before.soakMs + Math.floor(nowMs - this.#startMs),
      inferences: this.#before.inferences + this.#inferences,
    };
  }

  /** Whether the release has shown enough. At least one good inference is of this run. */
  isPassed(nowMs: number): boolean {
    const { soakMs, inferences } = this.progress(nowMs);
    return (
      soakMs >= this.#terms.soakMs && inferences >= this.#terms.inferences && this.#inferences > 0
    );
  }

  /** True once, when the soak is over and there was too little traffic to judge by. */
  isNewlyStarved(nowMs: number): boolean {
    const { soakMs } = this.progress(nowMs);
    if (this.#starvationTold || this.isPassed(nowMs)) return false;
    this.#starvationTold = soakMs >= this.#terms.soakMs && nowMs - this.#startMs >= starvedAfterMs;
    return this.#starvationTold;
  }

  /** When to look again: at the end of the soak, or when progress is due to be written. */
  nextLookMs(nowMs: number): number {
    const rest = this.#terms.soakMs - this.progress(nowMs).soakMs;
    return rest > 0 ? Math.min(rest, progressMs) : progressMs;
  }
}
