import { parseReport } from '../../operator/fleet/device-messages.js';
import type { ReleaseReport, ReportMessage } from '../../protocol/messages/report.js';
import type { Checker } from './checker.js';

/** What the reports of one start have said so far. */
interface Known {
  readonly boot: number;
  readonly number: number;
  readonly releases: readonly ReleaseReport[];
  /** Results that were published in this start. */
  results: number;
}

/**
 * Reports are numbered without gaps within a start, their counts never fall while they name a release, and they count no
 * answer that was not given: none is counted twice.
 */
export function createReportsChecker(): Checker {
  const known = new Map<string, Known>();
  return {
    name: 'reports',
    kind: 'safety',
    device(deviceId, event) {
      if (event.kind === 'swapped' || event.kind === 'booted') known.delete(deviceId);
      if (event.kind !== 'published') return undefined;
      const { channel, payload } = event.message;
      const device = known.get(deviceId) ?? { boot: 0, number: 0, releases: [], results: 0 };
      known.set(deviceId, device);
      if (channel === 'results') device.results++;
      if (channel !== 'report') return undefined;
      const report = parseReport(payload);
      if (report === undefined) return 'a report that nobody can read';
      known.set(deviceId, { ...device, ...takenFrom(report) });
      return complaintAbout(report, device);
    },
  };
}

function takenFrom({ boot, window, releases }: ReportMessage): Omit<Known, 'results'> {
  return { boot, number: window, releases };
}

function complaintAbout(report: ReportMessage, device: Known): string | undefined {
  const { boot, window, releases } = report;
  if (window !== device.number + 1)
    return `report ${window} of boot ${boot} after ${device.number}`;
  for (const each of releases) {
    const { release, mode } = each;
    const known = device.releases.find((other) => other.release === release && other.mode === mode);
    const before = known?.windows ?? 0;
    // One that was left out for long begins again at zero.
    if (each.windows < before && each.windows > 0)
      return `release ${release} counted ${before} windows, and now ${each.windows}`;
  }
  const served = releases
    .filter(({ mode }) => mode === 'served')
    .reduce((sum, { windows }) => sum + windows, 0);
  if (served > device.results)
    return `${served} windows are counted, and ${device.results} answered`;
  return undefined;
}
