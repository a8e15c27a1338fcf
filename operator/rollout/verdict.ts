import {
  concentrationFor,
  lowerBound,
  upperBound,
  type BernoulliCounts,
} from '../../protocol/statistics/beta-binomial.js';
import {
  judgeGate,
  type GateJudgement,
  type GuardrailEvidence,
} from '../../protocol/statistics/gate.js';
import { rateRatioLowerBound, type EventCounts } from '../../protocol/statistics/rare-events.js';
import { evidenceOf, hasCompared, isInRamp, type DeviceEvidence } from './fleet-evidence.js';
import { isUnsure, mixDistance } from './health.js';
import { isLater } from './punctuality.js';
import { shadowStep, type Rollout, type Step } from './rollout.js';

/** The numbers that a verdict was derived from: enough to derive it again. */
export interface VerdictInputs {
  readonly step: Step;
  /** Devices whose comparison counts, and those of them that were harmed: worse, or unsure of themselves. */
  readonly compared: number;
  readonly harmed: number;
  /** Of those that count, the devices where the challenger was late more often than the champion. */
  readonly late: number;
  /**
   * Devices where an answer was late since this step of the ramp began, by whether the challenger serves
   * them (those that are expected) or not yet (all others); null where nobody or everybody is served by it.
   */
  readonly lateServed: EventCounts | null;
  /** How far the mix of all answers is from the reference, for `health`; null where it is not asked for. */
  readonly mixDistance: number | null;
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

/** What is harm must be more than the share of devices that are found to be late by chance. */
const lateMargins = { harm: 0.1, safe: 0.3 } as const;

/**
 * In the ramp, devices that the challenger serves may be late at no more than so many times the rate of the
 * others. Not at the same rate: they have loaded, tested and activated something, and the others have not.
 * Not at twice the rate either: with one observation for each device of a small fleet that would hardly ever
 * be certain. It is a limit only: late answers are rare, so that for want of them no bound from above would
 * ever be found; what speaks for the challenger was found in the shadow.
 */
const toleratedRateRatio = 1.5;

/** How the guardrails share the chance of a false roll-back: what the rollout is about has half of it. */
const shareOfAlpha = { harmed: 1 / 2, failed: 1 / 8, late: 1 / 8, lateServed: 1 / 4 } as const;

/**
 * The mix of answers over the fleet beside the reference. These are limits and no bounds of confidence: how
 * machines are mixed in the field is nobody's promise, so they are wide.
 */
const mixMargins = { harm: 0.25, safe: 0.15 } as const;

/** Counts what a rollout has seen so far. One observation for each device: its windows are not independent. */
export function countInputs(rollout: Rollout, nowMs: number): VerdictInputs {
  const { roster, step, challenger, reference } = rollout;
  let [compared, harmed, late, failed, expected, arrived] = [0, 0, 0, 0, 0, 0];
  const lateServed = { treated: 0, control: 0 };
  const answers: (readonly number[])[] = [];
  for (const deviceId of roster) {
    const evidence = evidenceOf(rollout, deviceId);
    const counts = hasCompared(rollout, evidence);
    if (counts) compared++;
    if (counts && isHarmed(rollout, evidence)) harmed++;
    if (counts && isLater(evidence.punctuality)) late++;
    if (counts) answers.push(evidence.classes);
    if (evidence.failure !== undefined) failed++;
    if (step === shadowStep) {
      expected++;
      if (counts || evidence.failure !== undefined) arrived++;
      continue;
    }
    const arm = isInRamp(rollout, deviceId) ? 'treated' : 'control';
    if (evidence.late?.step === step) lateServed[arm]++;
    if (arm === 'control') continue;
    expected++;
    if (evidence.current === challenger.sequence) arrived++;
  }
  const elapsedMs = nowMs - rollout.stepStartedMs;
  return {
    step,
    compared,
    harmed,
    late,
    lateServed: step !== shadowStep && isPart(expected, roster.length) ? lateServed : null,
    mixDistance: reference === undefined ? null : mixDistance(sumOf(answers), reference),
    enrolled: roster.length,
    failed,
    expected,
    arrived,
    elapsedMs,
  };
}

/**
 * By labels: the challenger is wrong on more of the device's windows than the champion, by more than the
 * margin. By health: its answers there are far less sure than on its reference data.
 */
function isHarmed({ plan, reference }: Rollout, evidence: DeviceEvidence): boolean {
  if (plan.evidence === 'health') {
    return reference !== undefined && isUnsure(evidence.confidence, reference);
  }
  const worse = evidence.onlyChampionRight - evidence.onlyChallengerRight;
  return worse * 1000 > plan.gate.marginPermille * evidence.labelled;
}

/** Whether devices of both arms are there to be compared. */
function isPart(treated: number, enrolled: number): boolean {
  return treated > 0 && treated < enrolled;
}

/** Counts of all devices together, class by class. */
function sumOf(answers: readonly (readonly number[])[]): readonly number[] {
  const sums: number[] = [];
  for (const counts of answers) {
    counts.forEach((count, i) => {
      sums[i] = (sums[i] ?? 0) + count;
    });
  }
  return sums;
}

/** Judges a step: harm, safe, not yet, or not in time. Pure: the same inputs give the same judgement. */
export function judge(inputs: VerdictInputs, { plan }: Pick<Rollout, 'plan'>): GateJudgement {
  const { gate, stepSoakMs, horizonMs } = plan;
  const alpha = gate.alphaPermille / 1000;
  const { compared, harmed, late, failed, enrolled, expected, arrived, elapsedMs } = inputs;
  const arrivedEnough = arrived >= coverage * expected;
  const concentration = concentrationFor(Math.max(enrolled, 2), alpha);
  const bounds = (counts: BernoulliCounts, lowerAlpha: number) => ({
    lower: lowerBound(counts, lowerAlpha, concentration),
    upper: upperBound(counts, alpha, concentration),
  });
  const unmet: string[] = [];
  if (!arrivedEnough) unmet.push(`${arrived} of ${expected} devices have arrived`);
  if (elapsedMs < stepSoakMs) unmet.push('the step is not over yet');
  return judgeGate({
    guardrails: [
      {
        name: plan.evidence === 'labels' ? 'share of harmed devices' : 'share of unsure devices',
        margins: { harm: gate.harmPermille / 1000, safe: gate.safePermille / 1000 },
        interval: bounds({ successes: harmed, n: compared }, alpha * shareOfAlpha.harmed),
      },
      {
        name: 'share of devices that gave it up',
        margins: failureMargins,
        interval: bounds(
          { successes: failed, n: Math.max(failed, compared) },
          alpha * shareOfAlpha.failed,
        ),
      },
      {
        name: 'share of devices where it is late',
        margins: lateMargins,
        interval: bounds({ successes: late, n: compared }, alpha * shareOfAlpha.late),
      },
      ...(inputs.lateServed === null
        ? []
        : [
            judgeService(inputs.lateServed, expected / enrolled, {
              // Each step that leaves somebody to compare with counts anew, and takes its part.
              alpha: (alpha * shareOfAlpha.lateServed) / (plan.exposures.length - 1),
              concentration,
            }),
          ]),
      ...(plan.evidence === 'health'
        ? [
            {
              name: 'distance of the mix of answers from the reference',
              margins: mixMargins,
              // Before enough devices have answered, their mix says nothing.
              interval: arrivedEnough
                ? { lower: inputs.mixDistance ?? 1, upper: inputs.mixDistance ?? 1 }
                : { lower: 0, upper: 1 },
            },
          ]
        : []),
    ],
    unmet,
    atHorizon: elapsedMs >= horizonMs,
  });
}

/**
 * Late answers of those that the challenger serves beside those of all others, over the time of the step. The
 * share of the exposure is that of the devices, so that hours and seasons drop out. Nearly all of them are
 * there: nine of ten have arrived in the shadow.
 */
function judgeService(
  lateServed: EventCounts,
  treatedShare: number,
  { alpha, concentration }: { readonly alpha: number; readonly concentration: number },
): GuardrailEvidence {
  const ratio = rateRatioLowerBound(lateServed, alpha, { treatedShare, concentration });
  return {
    name: 'rate of late answers beside that of the champion',
    margins: { harm: toleratedRateRatio, safe: toleratedRateRatio },
    interval: { lower: ratio, upper: ratio },
  };
}
