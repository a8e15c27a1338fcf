/**
 * What a slot has seen since the start of the device: counts that only rise. The greatest (boot, window) says all, so
 * that a report that is lost, comes twice or out of order costs nothing. Of releases and pairs it carries the latest;
 * one that was left out for long begins again at zero.
 */
export interface ReportMessage {
  /** The device's wall clock, in milliseconds since the epoch. */
  readonly t: number;
  readonly boot: number;
  /** Numbers the reports of this boot over all slots, from 1 and without gaps: a gap is what was lost. */
  readonly window: number;
  readonly slot: string;
  readonly releases: readonly ReleaseReport[];
  readonly pairs: readonly PairReport[];
  /** True labels that were not used, by the code that says why. */
  readonly labelsRefused: Readonly<Record<string, number>>;
}

/** What one release did. */
export interface ReleaseReport {
  /** Its sequence number. */
  readonly release: number;
  /** Whether its answers were given, or only compared. */
  readonly mode: 'served' | 'shadow';
  readonly windows: number;
  /** Inferences that trapped or lost their instance. */
  readonly failures: number;
  /** Inferences that missed their deadline. */
  readonly late: number;
  /** Windows that a challenger did not see, because it was busy or had used its share of time, or that it only took in. */
  readonly skipped: number;
  /** Answers by class, in the order of the model's outputs. */
  readonly classes: readonly number[];
  /** Answers by confidence, in tenths of the dequantised score. */
  readonly confidence: readonly number[];
  /** Windows whose true label became known, and those of them with the right answer. */
  readonly labelled: number;
  readonly right: number;
  /** Latencies: bins of the sketch in `core/experiment/evidence.ts`, by number. */
  readonly latency: Readonly<Record<string, number>>;
}

/** What champion and challenger answered to the same windows. */
export interface PairReport {
  readonly champion: number;
  readonly challenger: number;
  readonly windows: number;
  readonly agreements: number;
  /** Row by row: the champion's class is the row, the challenger's the column. */
  readonly confusion: readonly number[];
  /** Of the windows whose true label is known: both right, one right, none. */
  readonly bothRight: number;
  readonly onlyChampionRight: number;
  readonly onlyChallengerRight: number;
  readonly noneRight: number;
}

/** Latencies from a microsecond to ten seconds, to two per cent; the same for the whole fleet. */
export const latencyShape = { relativeError: 0.02, least: 1, most: 10_000_000 } as const;
