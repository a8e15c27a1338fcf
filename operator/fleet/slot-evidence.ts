import {
  type PairReport,
  type ReleaseReport,
  type ReportMessage,
  latencyShape,
} from '../../protocol/messages/report.js';
import { LogSketch } from '../../protocol/statistics/log-sketch.js';

/** Releases, and pairs of them, that are kept of one slot: those with the highest numbers. */
const mostKept = 64;

/** Causes of refused labels that are kept of one slot: those that come first by name. */
const mostCauses = 32;

/** What one release did in one slot of one device, added up. */
export interface ReleaseSums extends Readonly<
  Pick<ReleaseReport, 'windows' | 'failures' | 'late' | 'skipped' | 'labelled' | 'right'>
> {
  /** In microseconds. */
  readonly latency: LogSketch;
}

/** What champion and challenger answered to the same windows, added up. */
export type PairSums = Omit<PairReport, 'confusion'>;

/** All reports of one slot of one device, added up. Whoever adds a report twice counts it twice. */
export class SlotEvidence {
  readonly #releases = {
    served: new Map<number, ReleaseSums>(),
    shadow: new Map<number, ReleaseSums>(),
  };
  readonly #pairs = new Map<string, PairSums>();
  readonly #labelsRefused = new Map<string, number>();

  add({
    releases,
    pairs,
    labelsRefused,
  }: Pick<ReportMessage, 'releases' | 'pairs' | 'labelsRefused'>): void {
    for (const report of releases) this.#addRelease(report);
    for (const report of pairs) this.#addPair(report);
    for (const [cause, count] of Object.entries(labelsRefused)) this.#addRefused(cause, count);
  }

  /** True labels that were refused, by cause, in the order of their names. */
  get labelsRefused(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#labelsRefused].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** What a release did; undefined where nothing was reported of it. */
  release(sequence: number, mode: ReleaseReport['mode']): ReleaseSums | undefined {
    return this.#releases[mode].get(sequence);
  }

  /** The latest release whose answers were given. */
  get latestServed(): number | undefined {
    const served = [...this.#releases.served.keys()];
    return served.length === 0 ? undefined : Math.max(...served);
  }

  /** The pair with the latest challenger, and of those the one with the latest champion. */
  get latestPair(): PairSums | undefined {
    return [...this.#pairs.values()].sort(byAge).at(-1);
  }

  #addRelease(report: ReleaseReport): void {
    const sums = this.#releases[report.mode];
    const latency = new LogSketch(latencyShape);
    for (const [bin, count] of Object.entries(report.latency)) {
      latency.positive.set(Number(bin), count);
    }
    const before = sums.get(report.release);
    if (before !== undefined) latency.merge(before.latency);
    sums.set(report.release, {
      windows: report.windows + (before?.windows ?? 0),
      failures: report.failures + (before?.failures ?? 0),
      late: report.late + (before?.late ?? 0),
      skipped: report.skipped + (before?.skipped ?? 0),
      labelled: report.labelled + (before?.labelled ?? 0),
      right: report.right + (before?.right ?? 0),
      latency,
    });
    // Whatever is among the latest in the end was so all the time: the order of reports does not matter.
    if (sums.size > mostKept) sums.delete(Math.min(...sums.keys()));
  }

  #addRefused(cause: string, count: number): void {
    this.#labelsRefused.set(cause, count + (this.#labelsRefused.get(cause) ?? 0));
    if (this.#labelsRefused.size <= mostCauses) return;
    const [last] = [...this.#labelsRefused.keys()].sort().reverse();
    if (last !== undefined) this.#labelsRefused.delete(last);
  }

  #addPair(report: PairReport): void {
    const { champion, challenger } = report;
    const key = `${champion}/${challenger}`;
    const before = this.#pairs.get(key);
    this.#pairs.set(key, {
      champion,
      challenger,
      windows: report.windows + (before?.windows ?? 0),
      agreements: report.agreements + (before?.agreements ?? 0),
      bothRight: report.bothRight + (before?.bothRight ?? 0),
      onlyChampionRight: report.onlyChampionRight + (before?.onlyChampionRight ?? 0),
      onlyChallengerRight: report.onlyChallengerRight + (before?.onlyChallengerRight ?? 0),
      noneRight: report.noneRight + (before?.noneRight ?? 0),
    });
    if (this.#pairs.size <= mostKept) return;
    const [oldest] = [...this.#pairs.values()].sort(byAge);
    if (oldest !== undefined) this.#pairs.delete(`${oldest.champion}/${oldest.challenger}`);
  }
}

function byAge(a: PairSums, b: PairSums): number {
  return a.challenger - b.challenger || a.champion - b.champion;
}
