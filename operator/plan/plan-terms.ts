import type { VerdictTerms } from '../verdict/evidence.js';

/** What a plan is made of. Shares are of windows, so 0.02 is two of 100. */
export interface PlanTerms extends Pick<
  VerdictTerms,
  'safe' | 'harm' | 'alpha' | 'deviceMargin' | 'coverage' | 'scope' | 'blockWindows'
> {
  /** Devices that compare. */
  readonly devices: number;
  /** Windows that the champion has wrong, as far as anybody knows. */
  readonly error: number;
  /** Windows on which the two give different answers. */
  readonly disagreement: number;
  /** Of the windows on which they differ, those whose true label somebody finds out. */
  readonly labelled: number;
  /** Shares of the fleet that are served one after the other, in 1/10000. */
  readonly exposures: readonly number[];
  /** Between two windows of a device, in milliseconds. */
  readonly periodMs: number;
  /** So many windows are compared in each span of `overMs`, drawn by lots; undefined: one after the other. */
  readonly sampled: { readonly windows: number; readonly overMs: number } | undefined;
  /** How long a step may stay undecided; undefined where it may for ever. */
  readonly horizonMs: number | undefined;
}

/** Blocks that a list of a device has room for: what is not decided by then is never. */
export const mostBlocks = 256;

/** The time in which a device compares so many windows, in milliseconds. */
export function timeOfWindows({ periodMs, sampled }: PlanTerms, windows: number): number {
  const eachMs = sampled === undefined ? 0 : sampled.overMs / sampled.windows;
  return windows * Math.max(periodMs, eachMs);
}

/** A fleet of three or more does not believe a single device. */
export function mustLeaveOneOut(devices: number): boolean {
  return devices >= 3;
}
