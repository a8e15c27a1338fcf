import type { ComparedBlock } from '../../protocol/statistics/harmed-device.js';

/**
 * What a verdict is derived from, and nothing else: plain values that can be stored, hashed and judged again.
 * Losses and margins are shares of windows, so 0.02 is two more wrong answers per 100 windows.
 */

/** About whom a verdict speaks: the devices that compared, or others that are like them. */
export type Scope = 'these-devices' | 'population';

/** What a rollout has promised, fixed at its start. */
export interface VerdictTerms {
  /** A mean loss certainly below this is safe. */
  readonly safe: number;
  /** A mean loss certainly above this is harm; below `safe`. */
  readonly harm: number;
  /** The chance of a wrong "safe", and that of a wrong "harm", however often one looks. */
  readonly alpha: number;
  /** A single device that certainly loses more than this is named. */
  readonly deviceMargin: number;
  /** More named devices than this share of the present ones, and two at least, are harm. */
  readonly harmShare: number;
  /** Which share of the present devices must take part before anything is safe. */
  readonly coverage: number;
  readonly scope: Scope;
  /** Where true labels come from nowhere, nothing but agreement can be safe. */
  readonly evidence: 'labels' | 'health';
  /** Steps of the ramp, over which levels are divided; 1 where there is none. */
  readonly steps: number;
  /** L, the windows of a block. */
  readonly blockWindows: number;
  /** N of naming, as the signed policy says it to the devices; undefined: those asked and present. */
  readonly devices?: number | undefined;
}

/** What is written where a plan does not say it. */
export const defaultTerms: VerdictTerms = {
  safe: 0.02,
  harm: 0.01,
  alpha: 0.05,
  deviceMargin: 0.05,
  harmShare: 0.05,
  coverage: 0.9,
  scope: 'these-devices',
  evidence: 'labels',
  steps: 1,
  blockWindows: 10,
};

/** A block with the version of the policy under which it began and ended; they rise within a list. */
export interface EvidenceBlock extends ComparedBlock {
  readonly policy: number;
}

/** One device, as the newest of its own reports says. */
export interface DeviceEvidence {
  readonly id: string;
  /** A group of devices that must not be worse off either, such as a site. */
  readonly stratum?: string | undefined;
  /** Whether it was asked to compare, and was there when the rollout began. Others count nowhere. */
  readonly asked: boolean;
  readonly present: boolean;
  /** It gave the challenger up, by a code that speaks about the model. */
  readonly failed?: boolean | undefined;
  /** It was heard shortly before it was asked, and not since. Meant for both arms of a step. */
  readonly silent?: boolean | undefined;
  /** Enrolled after the start: it counts in the step that serves it, and never in the sums of the fleet. */
  readonly joined?: boolean | undefined;
  /** The round that it did not close when the others had gone far ahead: it stays out, though it catches up. */
  readonly left?: number | undefined;
  /** The same, in the rounds of the present step. */
  readonly leftStep?: number | undefined;
  /** The block at which it was named before: a device stays named, whatever it compares later. */
  readonly named?: number | undefined;
  /** Blocks while the champion served, in order. */
  readonly shadow: readonly EvidenceBlock[];
  /** Blocks while the challenger served, in order. */
  readonly served: readonly EvidenceBlock[];
  /** Minutes in which only one of the two had a late answer. */
  readonly late?: LateMinutes | undefined;
  /** Correlation of the loss of neighbouring windows, in permille; undefined where too few were compared. */
  readonly correlation?: number | undefined;
}

/** A spell of such minutes, one after the other and late on the same side, counts once: bursts are one event. */
export interface LateMinutes {
  readonly onlyChampion: number;
  readonly onlyChallenger: number;
}

/** A step of the ramp. */
export interface StepContext {
  readonly isLast: boolean;
  /** The first version of the policy of this step: only blocks of it and later ones are judged. */
  readonly fromPolicy: number;
  /** Ids of whom it is to serve: drawn by lots, without those that stay aside for too few blocks. Named ones are among them. */
  readonly served: readonly string[];
  /** Given when a step begins and when it would end: looked at more often, chance alone would hold some. */
  readonly arms?: readonly ArmCount[] | undefined;
}

/** How many devices an arm has, and how many it should have by lot: those assigned, or those of them that report. */
export interface ArmCount {
  readonly arm: string;
  readonly devices: number;
  readonly of: number;
  /** The share of them that is expected, from 0 to 1. */
  readonly share: number;
}

/** All that one look sees. */
export interface FleetEvidence {
  readonly terms: VerdictTerms;
  readonly devices: readonly DeviceEvidence[];
  /** Undefined in the shadow. */
  readonly step?: StepContext | undefined;
  /** What else must be before a step is safe and is not yet, in sentences: soak time, unheard devices. */
  readonly unmet: readonly string[];
  /** Why the evidence is not to be believed, in sentences: nothing is safe as long as there is one. */
  readonly holds: readonly string[];
  /** What people call the two. */
  readonly names: { readonly champion: string; readonly challenger: string };
}
