import type { PairReport, ReleaseReport, ReportMessage } from '../../protocol/messages/report.js';
import { slotPattern } from '../../protocol/topics.js';
import { readCbor, readJson, type MessageFields } from './message-fields.js';

/**
 * What devices say, read with care: whoever has the credential of one device can send any bytes in its
 * name. A message that is too large or of the wrong shape is undefined, for the reader to count; fields
 * that this version does not know are ignored.
 */

/** The reported state of a device. */
export interface DeviceState {
  /** The version of its agent, such as `1.2.3`. */
  readonly agent: string;
  readonly boot: number;
  readonly labels: Readonly<Record<string, string>>;
  /** The key by which it signs, in hexadecimal; older agents have none. */
  readonly key: string | undefined;
  readonly slots: ReadonlyMap<string, ReportedSlot>;
}

/** What a device reports of one slot. Releases are named by their sequence numbers. */
export interface ReportedSlot {
  readonly current: number | undefined;
  readonly previous: number | undefined;
  readonly candidate: number | undefined;
  /** What became of the last offer: the release, the phase that it reached, and why it went no further. */
  readonly release: number | undefined;
  /** A phase of the design; a newer agent may have others. */
  readonly phase: string | undefined;
  /** A code of the one table; a newer agent may have others. */
  readonly code: string | undefined;
  readonly reason: string | undefined;
  readonly remedy: string | undefined;
}

/** A phase change, a refusal, or an incident. */
export interface DeviceEvent {
  /** The device's wall clock, in milliseconds since the epoch. */
  readonly t: number;
  readonly event: string;
  readonly slot: string | undefined;
  readonly release: number | undefined;
  readonly code: string | undefined;
  readonly reason: string | undefined;
  readonly remedy: string | undefined;
}

/** Phases, incidents and codes. */
const namePattern = /^[a-z][a-z0-9-]{0,63}$/;
const versionPattern = /^\d{1,9}(\.\d{1,9}){2}$/;
const labelPatterns = { name: /^[^\p{C}]{1,64}$/u, value: /^[^\p{C}]{0,256}$/u };
const keyPattern = /^[0-9a-f]{64}$/;
const binPattern = /^\d{1,4}$/;

const mostSlots = 64;
const mostLabels = 64;
const mostReleases = 64;
const mostClasses = 8_192;
const mostBins = 1_024;
const mostCauses = 32;

/** Reads a retained state. */
export function parseState(payload: Uint8Array): DeviceState | undefined {
  return readJson(payload, (fields) => ({
    agent: fields.text('agent', versionPattern),
    boot: fields.number('boot'),
    labels: fields.textsByName('labels', labelPatterns, mostLabels),
    key: fields.optionalText('key', keyPattern),
    slots: new Map(
      fields
        .maps('slots', slotPattern, mostSlots)
        .map(([name, slot]) => [name, parseSlot(slot)] as const),
    ),
  }));
}

/** Reads an event. */
export function parseEvent(payload: Uint8Array): DeviceEvent | undefined {
  return readJson(payload, (fields) => ({
    t: fields.instant('t'),
    event: fields.text('event', namePattern),
    slot: fields.optionalText('slot', slotPattern),
    release: fields.optionalNumber('release'),
    ...parseRefusal(fields),
  }));
}

/** Reads a report, whose counts must not contradict each other. */
export function parseReport(payload: Uint8Array): ReportMessage | undefined {
  return readCbor(payload, (fields) => ({
    t: fields.instant('t'),
    boot: fields.number('boot'),
    window: fields.number('window'),
    slot: fields.text('slot', slotPattern),
    releases: fields.list('releases', mostReleases, parseReleaseReport),
    pairs: fields.list('pairs', mostReleases, parsePairReport),
    labelsRefused: fields.optionalCountsByName('labelsRefused', namePattern, mostCauses),
  }));
}

function parseSlot(fields: MessageFields): ReportedSlot {
  return {
    current: fields.optionalNumber('current'),
    previous: fields.optionalNumber('previous'),
    candidate: fields.optionalNumber('candidate'),
    release: fields.optionalNumber('release'),
    phase: fields.optionalText('phase', namePattern),
    ...parseRefusal(fields),
  };
}

function parseRefusal(fields: MessageFields): Pick<DeviceEvent, 'code' | 'reason' | 'remedy'> {
  return {
    code: fields.optionalText('code', namePattern),
    reason: fields.optionalWords('reason'),
    remedy: fields.optionalWords('remedy'),
  };
}

function parseReleaseReport(fields: MessageFields): ReleaseReport {
  const mode = fields.text('mode', /^(served|shadow)$/);
  const report: ReleaseReport = {
    release: fields.number('release'),
    mode: mode === 'served' ? 'served' : 'shadow',
    windows: fields.count('windows'),
    failures: fields.count('failures'),
    late: fields.count('late'),
    skipped: fields.count('skipped'),
    classes: fields.counts('classes', mostClasses),
    confidence: fields.counts('confidence', mostBins),
    labelled: fields.count('labelled'),
    right: fields.count('right'),
    latency: fields.countsByName('latency', binPattern, mostBins),
  };
  // Labels may come later than the windows that they are of, so those two are not compared.
  fields.check(report.right <= report.labelled);
  fields.check(sum(report.classes) <= report.windows);
  fields.check(sum(Object.values(report.latency)) <= report.windows);
  return report;
}

function parsePairReport(fields: MessageFields): PairReport {
  const report: PairReport = {
    champion: fields.number('champion'),
    challenger: fields.number('challenger'),
    windows: fields.count('windows'),
    agreements: fields.count('agreements'),
    confusion: fields.counts('confusion', mostBins),
    bothRight: fields.count('bothRight'),
    onlyChampionRight: fields.count('onlyChampionRight'),
    onlyChallengerRight: fields.count('onlyChallengerRight'),
    noneRight: fields.count('noneRight'),
  };
  fields.check(report.agreements <= report.windows);
  fields.check(sum(report.confusion) <= report.windows);
  fields.check(Number.isInteger(Math.sqrt(report.confusion.length)));
  return report;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
