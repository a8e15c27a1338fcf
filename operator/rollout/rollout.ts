import type { ShadowTerms, TrialTerms, Gate } from '../../protocol/documents/policy.js';
import type { Reference } from './health.js';
import type { DeviceEvidence } from './fleet-evidence.js';
import type { VerdictRecord } from './verdict.js';

/** What is decided before the first device sees the challenger, and does not change afterwards. */
export interface RolloutPlan {
  /** How devices compare the challenger with the champion before anybody is served by it. */
  readonly shadow: ShadowTerms;
  /**
   * What the gate judges by. `labels`: on how many devices the challenger is wrong more often, which needs
   * somebody who finds out the truth. `health`: how sure it is and how its answers are mixed, beside its
   * reference; that tells a sick model from a sound one, and not a good one from a better one.
   */
  readonly evidence: 'labels' | 'health';
  /** Windows with a true label that make a device's comparison count; for `labels`. */
  readonly labelledWindows: number;
  /** Shares of the fleet that are served one after the other, in 1/10000, rising; the last is everyone. */
  readonly exposures: readonly number[];
  /** What a release must show on each device before it is committed there. */
  readonly trial: TrialTerms;
  /** How long each step lasts at least. */
  readonly stepSoakMs: number;
  /** How long a step may stay undecided before the rollout is held. */
  readonly horizonMs: number;
  readonly gate: Gate;
}

/** A release as a rollout knows it. */
export interface RolloutRelease {
  readonly sequence: number;
  /** SHA-256 of the signed manifest, in hexadecimal. */
  readonly manifest: string;
}

/** `-1` is the comparison in the shadow, from 0 on the steps of the ramp. */
export type Step = number;

export const shadowStep: Step = -1;

export type RolloutStatus = 'running' | 'paused' | 'held' | 'aborted' | 'promoted';

/** One rollout of one slot: all that its decisions are made of. */
export interface Rollout {
  readonly slot: string;
  readonly champion: RolloutRelease;
  readonly challenger: RolloutRelease;
  /** How the challenger answered on its reference data; for `health`. */
  readonly reference: Reference | undefined;
  /** Makes its lots independent of those of other rollouts; eight bytes in hexadecimal. */
  readonly salt: string;
  readonly plan: RolloutPlan;
  /** The enrolled devices when it began: the denominator of every share. */
  readonly roster: readonly string[];
  readonly status: RolloutStatus;
  readonly step: Step;
  /** Milliseconds since the epoch. */
  readonly startedMs: number;
  readonly stepStartedMs: number;
  readonly evidence: Readonly<Record<string, DeviceEvidence>>;
  readonly verdicts: readonly VerdictRecord[];
}

/** Whether anything is still to be decided. */
export function isOver({ status }: Rollout): boolean {
  return status === 'aborted' || status === 'promoted';
}
