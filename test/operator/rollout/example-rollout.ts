import { isExposed } from '../../../protocol/assignment/bucket.js';
import type { DeviceEvidence } from '../../../operator/rollout/fleet-evidence.js';
import { shadowStep, type Rollout, type RolloutPlan } from '../../../operator/rollout/rollout.js';

export const plan: RolloutPlan = {
  shadow: { windows: 40, budgetPermille: 500 },
  evidence: 'labels',
  labelledWindows: 40,
  exposures: [2500, 10000],
  trial: { soakMs: 0, inferences: 1 },
  stepSoakMs: 0,
  horizonMs: 60_000,
  gate: { marginPermille: 50, harmPermille: 100, safePermille: 300, alphaPermille: 50 },
};

export const champion = { sequence: 10, manifest: '0a'.repeat(32) };
export const challenger = { sequence: 20, manifest: '14'.repeat(32) };

/** A rollout over so many enrolled devices that nobody has heard of yet. */
export function exampleRollout(devices: number, change: Partial<Rollout> = {}): Rollout {
  return {
    slot: 'vibration',
    champion,
    challenger,
    reference: undefined,
    salt: '0102030405060708',
    plan,
    roster: Array.from({ length: devices }, (_, i) => `press-${i}`),
    status: 'running',
    step: shadowStep,
    startedMs: 0,
    stepStartedMs: 0,
    evidence: {},
    verdicts: [],
    ...change,
  };
}

/** What a device has shown after its comparison: on how many of its windows the challenger was worse. */
export function compared(worse: number, change: Partial<DeviceEvidence> = {}): DeviceEvidence {
  return {
    windows: 40,
    agreements: 40 - Math.abs(worse),
    labelled: 40,
    bothRight: 40 - Math.abs(worse),
    onlyChampionRight: Math.max(0, worse),
    onlyChallengerRight: Math.max(0, -worse),
    classes: [10, 10, 10, 10],
    confidence: [0, 0, 0, 0, 0, 0, 0, 0, 2, 38],
    punctuality: { champion: { windows: 40, late: 0 }, challenger: { windows: 40, late: 0 } },
    servedFrom: undefined,
    late: undefined,
    current: champion.sequence,
    failure: undefined,
    reports: ['1/1'],
    ...change,
  };
}

/** Gives every device of the roster its evidence. */
export function withEvidence(
  rollout: Rollout,
  of: (deviceId: string, i: number) => DeviceEvidence | undefined,
): Rollout {
  const entries = rollout.roster.flatMap((deviceId, i) => {
    const evidence = of(deviceId, i);
    return evidence === undefined ? [] : [[deviceId, evidence] as const];
  });
  return { ...rollout, evidence: Object.fromEntries(entries) };
}

/** Whether the lots of a device put it into a step of the ramp. */
export function isIn(rollout: Rollout, deviceId: string, step: number): boolean {
  return isExposed(rollout.salt, deviceId, rollout.plan.exposures[step] ?? 0);
}
