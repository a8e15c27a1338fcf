import { createPlainCbor } from '../../../agent/adapters/plain-cbor.js';
import type {
  PairReport,
  ReleaseReport,
  ReportMessage,
} from '../../../protocol/messages/report.js';

/** Encodes as agents do: reports are CBOR. */
export function encode(value: unknown): Uint8Array {
  return createPlainCbor().encode(value);
}

/** Encodes as agents do what is no report. */
export function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

export function releaseReport(change: Partial<ReleaseReport> = {}): ReleaseReport {
  return {
    release: 10,
    mode: 'served',
    windows: 4,
    failures: 0,
    late: 0,
    skipped: 0,
    classes: [3, 1],
    confidence: [0, 0, 0, 0, 0, 0, 0, 1, 1, 2],
    labelled: 2,
    right: 1,
    latency: { '120': 3, '130': 1 },
    ...change,
  };
}

export function pairReport(change: Partial<PairReport> = {}): PairReport {
  return {
    champion: 10,
    challenger: 20,
    windows: 4,
    agreements: 3,
    confusion: [3, 0, 1, 0],
    bothRight: 1,
    onlyChampionRight: 0,
    onlyChallengerRight: 1,
    noneRight: 0,
    ...change,
  };
}

export function report(change: Partial<ReportMessage> = {}): ReportMessage {
  return {
    t: 1_790_000_000_000,
    boot: 1,
    window: 1,
    slot: 'vibration',
    releases: [releaseReport()],
    pairs: [pairReport()],
    labelsRefused: { 'label-late': 2 },
    ...change,
  };
}
