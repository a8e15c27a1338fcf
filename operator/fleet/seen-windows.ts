/** Runs of numbers that one device keeps; beyond it the oldest gap is given up. */
const mostRuns = 512;

interface Run {
  readonly from: number;
  readonly to: number;
}

/**
 * Which reports of a device came, by (boot, window): a message may come twice and out of order. Kept as runs, since
 * reports are numbered without gaps; a report from a gap that was given up counts as seen.
 */
export class SeenWindows {
  /** Ascending and apart from each other, by boot. */
  readonly #runs = new Map<number, Run[]>();
  #oldestBoot = 0;

  /** Notes a report; whether it is a new one. */
  add(boot: number, window: number): boolean {
    if (boot < this.#oldestBoot) return false;
    const runs = this.#runs.get(boot) ?? [];
    const after = runs.findIndex(({ to }) => to >= window);
    const at = after < 0 ? runs.length : after;
    const [before, next] = [runs[at - 1], runs[at]];
    if (next !== undefined && next.from <= window) return false;
    const joinsBefore = before !== undefined && before.to === window - 1;
    const joinsNext = next !== undefined && next.from === window + 1;
    const run: Run = {
      from: joinsBefore ? before.from : window,
      to: joinsNext ? next.to : window,
    };
    const first = joinsBefore ? at - 1 : at;
    runs.splice(first, (joinsBefore ? 1 : 0) + (joinsNext ? 1 : 0), run);
    this.#runs.set(boot, runs);
    this.#forget();
    return true;
  }

  /** Numbers of the latest boot between the first and the last that came which did not come. */
  get missing(): number {
    const runs = this.#runs.get(Math.max(...this.#runs.keys())) ?? [];
    const [first, last] = [runs[0], runs.at(-1)];
    if (first === undefined || last === undefined) return 0;
    const came = runs.reduce((sum, { from, to }) => sum + to - from + 1, 0);
    return last.to - first.from + 1 - came;
  }

  #forget(): void {
    let runs = 0;
    for (const each of this.#runs.values()) runs += each.length;
    if (runs <= mostRuns) return;
    const boot = Math.min(...this.#runs.keys());
    const oldest = this.#runs.get(boot) ?? [];
    const [first, second] = oldest;
    if (first !== undefined && second !== undefined) {
      oldest.splice(0, 2, { from: first.from, to: second.to });
    } else {
      this.#runs.delete(boot);
      this.#oldestBoot = boot + 1;
    }
  }
}
