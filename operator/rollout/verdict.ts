import { experimentName, isExposed } from '../../agent/core/assignment/bucket.js';
import { fromHex } from '../../agent/core/bytes.js';
import {
  concentrationFor,
  lowerBound,
  upperBound,
  type BernoulliCounts,
} from '../../agent/core/statistics/beta-binomial.js';
import { judgeGate, type GateJudgement } from '../../agent/core/statistics/gate.js';
import { evidenceOf } from './fleet-evidence.js';
import { shadowStep, type Rollout, type Step } from './rollout.js';

/** The numbers that a verdict was derived from: enough to derive it again. */
export interface VerdictInputs {
  readonly step: Step;
  /** Devices whose comparison counts, and those of them that were harmed. */
  readonly compared: number;
  readonly harmed: number;
  /** Enrolled devices, and those that gave the challenger up by themselves. */
  readonly enrolled: number;
  readonly failed: number;
  /** Devices that this step is about, and those of them that have done what it asks. */
  readonly expected: number;
  readonly arrived: number;
  /** Milliseconds since the step began. */
  readonly elapsedMs: number;
}

/** A verdict with everything that led to it. `rollout replay` derives it again. */
export interface VerdictRecord {
  /** Milliseconds since the epoch. */
  readonly t: number;
  readonly inputs: VerdictInputs;
  readonly judgement: GateJudgement;
  /** What was done about it. */
  readonly action: 'advance' | 'promote' | 'abort' | 'hold' | 'revert' | 'none';
  /** Whether a person decided, whatever the judgement says. */
  readonly by: 'controller' | 'operator';
}

/** So many of the devices must have arrived before a step can be safe; the others may be switched off. */
const coverage = 0.9;

/**
 * Devices give a release up by themselves only where it traps, hangs or fails its self-test: a few may be
 * broken themselves, more are the release's doing.
 */
const failureMargins = { harm: 0.05, safe: 0.25 } as const;

/** Counts what a rollout has seen so far. One observation for each device: its windows are not independent. */
export function countInputs(rollout: Rollout, nowMs: number): VerdictInputs {
  const { roster, plan, step, challenger } = rollout;
  let [compared, harmed, failed, expected, arrived] = [0, 0, 0, 0, 0];
  const experiment = experimentName(fromHex(rollout.salt));
  for (const deviceId of roster) {
    const evidence = evidenceOf(rollout, deviceId);
    const counts = evidence.labelled >= plan.labelledWindows;
    if (counts) compared++;
    if (counts && isHarmed(evidence, plan.gate.marginPermille)) harmed++;
    if (evidence.failure !== undefined) failed++;
    if (step === shadowStep) {
      expected++;
      if (counts || evidence.failure !== undefined) arrived++;
    } else if (isExposed(experiment, deviceId, plan.exposures[step] ?? 0)) {
      expected++;
      if (evidence.current === challenger.sequence) arrived++;
    }
  }
  const elapsedMs = nowMs - rollout.stepStartedMs;
  return { step, compared, harmed, enrolled: roster.length, failed, expected, arrived, elapsedMs };
}

/** The challenger is wrong on more of the device's windows than the champion, by more than the margin. */
function isHarmed(
  evidence: {
    readonly labelled: number;
    readonly onlyChampionRight: number;
    readonly onlyChallengerRight: number;
  },
  marginPermille: number,
): boolean {
  const worse = evidence.onlyChampionRight - evidence.onlyChallengerRight;
  return worse * 1000 > marginPermille * evidence.labelled;
}

/** Judges a step: harm, safe, not yet, or not in time. Pure: the same inputs give the same judgement. */
export function judge(inputs: VerdictInputs, { plan }: Pick<Rollout, 'plan'>): GateJudgement {
  const { gate, stepSoakMs, horizonMs } = plan;
  const alpha = gate.alphaPermille / 1000;
  const { compared, harmed, failed, enrolled, expected, arrived, elapsedMs } = inputs;
  // Two guardrails share the chance of a false roll-back.
  const bounds = (counts: BernoulliCounts) => {
    const concentration = concentrationFor(Math.max(enrolled, 2), alpha);
    return {
      lower: lowerBound(counts, alpha / 2, concentration),
      upper: upperBound(counts, alpha, concentration),
    };
  };
  const unmet: string[] = [];
  if (arrived < coverage * expected) unmet.push(`${arrived} of ${expected} devices have arrived`);
  if (elapsedMs < stepSoakMs) unmet.push('the step is not over yet');
  return judgeGate({
    guardrails: [
      {
        name: 'share of harmed devices',
        margins: { harm: gate.harmPermille / 1000, safe: gate.safePermille / 1000 },
        interval: bounds({ successes: harmed, n: compared }),
      },
      {
        name: 'share of devices that gave it up',
        margins: failureMargins,
        interval: bounds({ successes: failed, n: Math.max(failed, compared) }),
      },
    ],
    unmet,
    atHorizon: elapsedMs >= horizonMs,
  });
}
