/** The same cause is told at most so often. */
export const periodMs = 60_000;

/** Causes that are remembered; the oldest is forgotten first. */
const causesLimit = 256;

/** Lets a cause be told once, and then once a minute at most, with how often it came. */
export class Repeats {
  readonly #causes = new Map<string, { readonly toldMs: number; untold: number }>();

  /**
   * A cause came once more. How often it came since it was told, this time included, where it is to be told
   * now; otherwise undefined.
   *
   * @param nowMs monotonic
   */
  count(cause: string, nowMs: number): number | undefined {
    const known = this.#causes.get(cause);
    if (known !== undefined && nowMs - known.toldMs < periodMs) {
      known.untold++;
      return undefined;
    }
    this.#causes.delete(cause);
    this.#causes.set(cause, { toldMs: nowMs, untold: 0 });
    const [oldest] = this.#causes.keys();
    if (this.#causes.size > causesLimit && oldest !== undefined) this.#causes.delete(oldest);
    return (known?.untold ?? 0) + 1;
  }

  /** How often a cause came since it was told, where that is to be told now; otherwise undefined. */
  take(cause: string, nowMs: number): number | undefined {
    const known = this.#causes.get(cause);
    if (known === undefined || known.untold === 0 || nowMs - known.toldMs < periodMs)
      return undefined;
    this.#causes.delete(cause);
    this.#causes.set(cause, { toldMs: nowMs, untold: 0 });
    return known.untold;
  }
}
