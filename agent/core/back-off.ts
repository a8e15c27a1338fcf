const firstDelayMs = 5_000;
const longestDelayMs = 3_600_000;

/** How long to wait before something is tried again: five seconds, then twice as long each time, up to an hour. */
export class BackOff {
  #attempts = 0;

  /** The wait after one more attempt that came to nothing. */
  nextDelayMs(): number {
    return Math.min(longestDelayMs, firstDelayMs * 2 ** this.#attempts++);
  }

  /** There was progress: the next failure is the first again. */
  reset(): void {
    this.#attempts = 0;
  }
}
