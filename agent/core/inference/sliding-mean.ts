/** The mean of the scores of the last windows. Its buffers are taken at construction. */
export class SlidingMean {
  /** The mean, once there are enough. */
  readonly values: Float32Array;
  readonly #rows: readonly Float32Array[];
  #added = 0;

  /**
   * @param windows over which the mean is taken
   * @param scores of a window
   */
  constructor(windows: number, scores: number) {
    this.values = new Float32Array(scores);
    this.#rows = Array.from({ length: windows }, () => new Float32Array(scores));
  }

  /** Takes the scores of the next window, and computes the mean; false where there are not enough yet. */
  add(scores: Float32Array): boolean {
    const windows = this.#rows.length;
    this.#rows[this.#added % windows]?.set(scores);
    this.#added++;
    if (this.#added < windows) return false;
    // Summed anew each time, so that no rounding adds up.
    for (let i = 0; i < this.values.length; i++) {
      let sum = 0;
      for (const row of this.#rows) sum += row[i] ?? 0;
      this.values[i] = sum / windows;
    }
    return true;
  }

  /** Forgets all, because what comes does not follow on what was. */
  clear(): void {
    this.#added = 0;
  }
}
