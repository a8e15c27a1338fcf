import type { Code } from '../../../protocol/codes.js';

/** What a slot counts. Totals are since the start of the device, latencies since they were last taken. */
export class SlotCounters {
  /** Windows that got an answer. */
  answers = 0;
  /** Windows that have none, because a model waited for more of them. */
  waits = 0;
  /** Windows that got none. */
  dropped = 0;
  /** Inferences that trapped, missed their deadline or lost their instance. */
  failures = 0;
  /** Windows that were begun and given up, because samples were missing in the middle of them. */
  gaps = 0;
  /** Messages of the source that were no samples. */
  refusedSamples = 0;
  /** True labels that were not used, by the code that says why. */
  readonly refusedLabels = new Map<Code, number>();
  #latencies = 0;
  #latencySumUs = 0;
  #latencyMaxUs = 0;

  labelRefused(code: Code): void {
    this.refusedLabels.set(code, (this.refusedLabels.get(code) ?? 0) + 1);
  }

  answered(latencyUs: number): void {
    this.answers++;
    this.#latencies++;
    this.#latencySumUs += latencyUs;
    this.#latencyMaxUs = Math.max(this.#latencyMaxUs, latencyUs);
  }

  /** Mean and maximum since the last call; undefined where there was no inference. */
  takeLatencies(): { readonly meanUs: number; readonly maxUs: number } | undefined {
    if (this.#latencies === 0) return undefined;
    const taken = { meanUs: this.#latencySumUs / this.#latencies, maxUs: this.#latencyMaxUs };
    this.#latencies = 0;
    this.#latencySumUs = 0;
    this.#latencyMaxUs = 0;
    return taken;
  }
}
