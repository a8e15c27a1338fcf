import {
  type PairReport,
  type ReleaseReport,
  type ReportMessage,
  latencyShape,
} from '../../protocol/messages/report.js';
import { LogSketch } from '../../protocol/statistics/log-sketch.js';

/** What one release did in one slot of one device since the start of the device. */
export interface ReleaseSums extends Readonly<
  Pick<ReleaseReport, 'windows' | 'failures' | 'late' | 'skipped' | 'labelled' | 'right'>
> {
  /** In microseconds. */
  readonly latency: LogSketch;
}

/** What champion and challenger answered to the same windows since the start of the device. */
export type PairSums = Omit<PairReport, 'confusion'>;

/**
 * The latest report of one slot of one device: its counts are totals since the start of the device, so that order,
 * loss and repetition of reports change nothing.
 */
export class SlotEvidence {
  #latest: ReportMessage | undefined;

  /** Takes a report; whether it tells more than what is known. */
  take(report: ReportMessage): boolean {
    if (this.#latest !== undefined && !isLater(report, this.#latest)) return false;
    // Nobody is shown the long lists, and a fleet of them is large.
    this.#latest = {
      ...report,
      releases: report.releases.map((each) => ({ ...each, classes: [], confidence: [] })),
      pairs: report.pairs.map((each) => ({ ...each, confusion: [] })),
    };
    return true;
  }

  /** True labels that were refused, by cause, in the order of their names. */
  get labelsRefused(): Readonly<Record<string, number>> {
    const causes = Object.entries(this.#latest?.labelsRefused ?? {});
    return Object.fromEntries(causes.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** What a release did; undefined where nothing was reported of it. */
  release(sequence: number, mode: ReleaseReport['mode']): ReleaseSums | undefined {
    const report = this.#latest?.releases.find(
      (each) => each.release === sequence && each.mode === mode,
    );
    if (report === undefined) return undefined;
    const latency = new LogSketch(latencyShape);
    for (const [bin, count] of Object.entries(report.latency)) {
      latency.positive.set(Number(bin), count);
    }
    return { ...report, latency };
  }

  /** The latest release whose answers were given. */
  get latestServed(): number | undefined {
    const served = this.#latest?.releases.filter(({ mode }) => mode === 'served') ?? [];
    return served.length === 0 ? undefined : Math.max(...served.map(({ release }) => release));
  }

  /** The pair with the latest challenger, and of those the one with the latest champion. */
  get latestPair(): PairSums | undefined {
    return [...(this.#latest?.pairs ?? [])].sort(byAge).at(-1);
  }
}

function isLater(a: ReportMessage, b: ReportMessage): boolean {
  return a.boot > b.boot || (a.boot === b.boot && a.window > b.window);
}

function byAge(a: PairSums, b: PairSums): number {
  return a.challenger - b.challenger || a.champion - b.champion;
}
