import type { PairReport, ReleaseReport, ReportMessage } from '../../protocol/messages/report.js';

/** Slots of devices that are kept; reports of others are left out. */
const mostKept = 100_000;

/** What a report told that its predecessor had not. */
export interface ReportDifference {
  readonly message: ReportMessage;
  /** Whether it holds all since the start of the device, because no predecessor is known. */
  readonly isWhole: boolean;
}

/** Makes counts that add up of reports that carry totals since the start of their device. */
export class ReportDifferences {
  readonly #latest = new Map<string, ReportMessage>();

  /** Undefined for a report that is older than one that came, or the same. */
  take(deviceId: string, report: ReportMessage): ReportDifference | undefined {
    const key = `${deviceId}/${report.slot}`;
    const before = this.#latest.get(key);
    if (before !== undefined && !isLater(report, before)) return undefined;
    if (before === undefined && this.#latest.size >= mostKept) return undefined;
    this.#latest.set(key, report);
    if (before?.boot !== report.boot) return { message: report, isWhole: true };
    const releases = report.releases.map((each) =>
      releaseSince(
        each,
        before.releases.find(({ release, mode }) => release === each.release && mode === each.mode),
      ),
    );
    const pairs = report.pairs.map((each) =>
      pairSince(
        each,
        before.pairs.find(
          ({ champion, challenger }) =>
            champion === each.champion && challenger === each.challenger,
        ),
      ),
    );
    return {
      message: {
        ...report,
        releases: releases.filter((each) => counts(each) > 0),
        pairs: pairs.filter((each) => counts(each) > 0),
        labelsRefused: countsSince(report.labelsRefused, before.labelsRefused),
      },
      isWhole: false,
    };
  }
}

function releaseSince(now: ReleaseReport, before: ReleaseReport | undefined): ReleaseReport {
  // One that was left out for long begins again at zero.
  if (before === undefined || before.windows > now.windows) return now;
  return {
    ...now,
    windows: now.windows - before.windows,
    failures: now.failures - before.failures,
    late: now.late - before.late,
    skipped: now.skipped - before.skipped,
    labelled: now.labelled - before.labelled,
    right: now.right - before.right,
    classes: listSince(now.classes, before.classes),
    confidence: listSince(now.confidence, before.confidence),
    latency: countsSince(now.latency, before.latency),
  };
}

function pairSince(now: PairReport, before: PairReport | undefined): PairReport {
  if (before === undefined || before.windows > now.windows) return now;
  return {
    ...now,
    windows: now.windows - before.windows,
    agreements: now.agreements - before.agreements,
    confusion: listSince(now.confusion, before.confusion),
    bothRight: now.bothRight - before.bothRight,
    onlyChampionRight: now.onlyChampionRight - before.onlyChampionRight,
    onlyChallengerRight: now.onlyChallengerRight - before.onlyChallengerRight,
    noneRight: now.noneRight - before.noneRight,
  };
}

function listSince(now: readonly number[], before: readonly number[]): readonly number[] {
  return now.map((count, i) => Math.max(0, count - (before[i] ?? 0)));
}

function countsSince(
  now: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const differences = Object.entries(now).map(([name, count]) => [
    name,
    count - (Object.hasOwn(before, name) ? (before[name] ?? 0) : 0),
  ]);
  return Object.fromEntries(differences.filter(([, count]) => Number(count) > 0)) as Readonly<
    Record<string, number>
  >;
}

/** Whether anything was counted at all. */
function counts(report: ReleaseReport | PairReport): number {
  return 'release' in report
    ? report.windows + report.failures + report.late + report.skipped + report.labelled
    : report.windows +
        report.bothRight +
        report.onlyChampionRight +
        report.onlyChallengerRight +
        report.noneRight;
}

function isLater(a: ReportMessage, b: ReportMessage): boolean {
  return a.boot > b.boot || (a.boot === b.boot && a.window > b.window);
}
