/** What became of the runs of one cell of a table. */
export interface Run {
  readonly end: string;
  readonly windows: number;
  readonly guardrail: string | null;
}

/** Runs with the same parameters and different chance. */
export class Tally {
  readonly runs: Run[] = [];

  add(run: Run): void {
    this.runs.push(run);
  }

  count(end: string, guardrail?: string): number {
    return this.runs.filter(
      (run) => run.end === end && (guardrail === undefined || run.guardrail === guardrail),
    ).length;
  }

  /** As a share of all runs. */
  share(end: string, guardrail?: string): number {
    return this.count(end, guardrail) / this.runs.length;
  }

  /** "2.3" percent. */
  percent(end: string, guardrail?: string): string {
    return String(Number((100 * this.share(end, guardrail)).toFixed(1)));
  }

  /** Windows of a device until that end, in the middle of the runs that came to it. */
  medianWindows(end: string): number | undefined {
    const windows = this.runs.filter((run) => run.end === end).map((run) => run.windows);
    windows.sort((a, b) => a - b);
    return windows[Math.floor((windows.length - 1) / 2)];
  }

  /** "98 % @1520": how many came to that end, and when. */
  cell(end: string): string {
    const windows = this.medianWindows(end);
    return `${this.percent(end)} %${windows === undefined ? '' : ` @${windows.toLocaleString('en')}`}`;
  }
}

/** Whether a rate that was promised may be behind what was counted: three standard errors are allowed. */
export function keepsPromise(count: number, runs: number, promise: number): boolean {
  return count / runs <= promise + 3 * Math.sqrt((promise * (1 - promise)) / runs);
}
