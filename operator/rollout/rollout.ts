import type { ShadowTerms, TrialTerms } from '../../protocol/documents/policy.js';
import type { Leaver, NamedDevice, Verdict } from '../verdict/judgement.js';
import type { Sureness } from './champion-sureness.js';
import { defaultTerms, type VerdictTerms } from '../verdict/evidence.js';

/** What is decided before the first device sees the challenger, and does not change afterwards. */
export interface RolloutPlan {
  /** How devices compare the two, in the shadow and in the ramp. */
  readonly shadow: ShadowTerms;
  /** Windows of a turn, where served devices let the two answer in turns; 0 where they compare the same windows. */
  readonly turnWindows: number;
  /** What a verdict promises; `steps` and `devices` follow from the exposures and the roster. */
  readonly terms: Omit<VerdictTerms, 'steps' | 'devices'>;
  /** Shares of the fleet that are served one after the other, in 1/10000, rising; the last is everyone. */
  readonly exposures: readonly number[];
  /**
   * How long the fleet is watched once everyone is served, with a way back on each device, before the challenger is current for
   * good; 0 where it is not.
   */
  readonly bakeMs: number;
  /** The share of the fleet that stays on the champion for that time, by lot, in 1/10000. */
  readonly holdout: number;
  /** What a release must show on each device before it is committed there. */
  readonly trial: TrialTerms;
  /** How often devices report. */
  readonly reportMs: number;
  /** How long each step lasts at least. */
  readonly stepSoakMs: number;
  /** How long a step may stay undecided before the rollout is held. */
  readonly horizonMs: number;
}

/** What a plan promises where its owner does not say it. */
export const defaultPlanTerms: RolloutPlan['terms'] = {
  safe: defaultTerms.safe,
  harm: defaultTerms.harm,
  alpha: defaultTerms.alpha,
  deviceMargin: defaultTerms.deviceMargin,
  harmShare: defaultTerms.harmShare,
  coverage: defaultTerms.coverage,
  scope: defaultTerms.scope,
  evidence: defaultTerms.evidence,
  blockWindows: defaultTerms.blockWindows,
};

/** A release as a rollout knows it. */
export interface RolloutRelease {
  readonly sequence: number;
  /** SHA-256 of the signed manifest, in hexadecimal. */
  readonly manifest: string;
}

/** An enrolled device when the rollout began. */
export interface RolloutDevice {
  readonly deviceId: string;
  /** A group that must not be worse off either, such as a site. */
  readonly stratum: string | undefined;
}

/** `-1` is the comparison in the shadow, from 0 on the steps of the ramp, and behind the last one the bake, where it is planned. */
export type Step = number;

export const shadowStep: Step = -1;

export type RolloutStatus = 'running' | 'paused' | 'held' | 'aborted' | 'promoted';

/** The last look, for whoever asks how it stands. */
export interface LastLook {
  readonly verdict: Verdict;
  readonly guardrail: string | null;
  readonly reason: string;
  readonly lower: number;
  readonly upper: number;
  readonly rounds: number;
  /** Devices that were there at the start, those that have compared, and those that the step serves. */
  readonly present: number;
  readonly comparing: number;
  readonly served: number;
  /** Of those, the ones where the challenger is committed. */
  readonly arrived: number;
  /** Windows that all devices have compared; those on which the two differ, and those of them without a true label. */
  readonly windows: number;
  readonly disagreements: number;
  readonly unlabelled: number;
  /** Windows on which one of them alone was right. */
  readonly onlyChampionRight: number;
  readonly onlyChallengerRight: number;
  /** Devices whose evidence was refused, and why. */
  readonly refused: readonly RefusedDevice[];
  /** Devices that did not use a true label, and why the last time; a hundred at most. */
  readonly labelsRefused: readonly (RefusedLabel & { readonly deviceId: string })[];
}

/** A true label that a device did not use. */
export interface RefusedLabel {
  readonly code: string;
  readonly reason: string;
}

/** Evidence that was not believed. */
export interface RefusedDevice {
  readonly deviceId: string;
  readonly code: string;
  readonly times: number;
}

/** One rollout of one slot: all that its decisions need and the broker does not keep. */
export interface Rollout {
  readonly slot: string;
  readonly champion: RolloutRelease;
  readonly challenger: RolloutRelease;
  /** Makes its lots independent of those of other rollouts; eight bytes in hexadecimal. */
  readonly salt: string;
  readonly plan: RolloutPlan;
  /** The distinct exposures that serve at least three devices, in 1/10000. */
  readonly exposures: readonly number[];
  readonly roster: readonly RolloutDevice[];
  /** How sure the champion was on its reference data; undefined where nobody knows. */
  readonly reference: Sureness | undefined;
  /** Devices that were enrolled since, and those of them that count in the present step. */
  readonly enrolled: readonly RolloutDevice[];
  readonly joined: readonly string[];
  readonly status: RolloutStatus;
  readonly step: Step;
  /** The first version of the policy of the step; 0 before it is published. */
  readonly fromPolicy: number;
  /** Blocks that a device must have closed to be served; known when the shadow is safe. */
  readonly minBlocks: number;
  /** Milliseconds since the epoch, for people. */
  readonly startedMs: number;
  /** How long the step has lasted while a controller ran it: by a clock that nobody sets. */
  readonly elapsedMs: number;
  /** Who was there: fixed soon after the start; undefined before. */
  readonly present: readonly string[] | undefined;
  /** Who was heard shortly before the step asked something of it: whoever is not heard since is silent. */
  readonly heard: readonly string[];
  /** Who gave the challenger up by itself, by a code that speaks about the model. */
  readonly failed: Readonly<Record<string, string>>;
  /** The life of each device's evidence: an older one is never taken again. */
  readonly lives: Readonly<Record<string, readonly string[]>>;
  readonly left: readonly Leaver[];
  readonly leftStep: readonly Leaver[];
  readonly named: readonly NamedDevice[];
  /** Verdicts that something was done about, and the hash of the last one: the end of their chain. */
  readonly chain: { readonly length: number; readonly hash: string };
  readonly look: LastLook | undefined;
}

/** Whether anything is still to be decided. */
export function isOver({ status }: Rollout): boolean {
  return status === 'aborted' || status === 'promoted';
}

/** What a rollout is at its beginning, whatever it is about. */
export const begun = {
  status: 'running',
  step: shadowStep,
  fromPolicy: 0,
  minBlocks: 0,
  elapsedMs: 0,
  reference: undefined,
  enrolled: [],
  joined: [],
  present: undefined,
  heard: [],
  failed: {},
  lives: {},
  left: [],
  leftStep: [],
  named: [],
  chain: { length: 0, hash: '' },
  look: undefined,
} as const satisfies Partial<Rollout>;
