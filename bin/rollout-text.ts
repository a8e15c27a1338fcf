import { describeStep } from '../operator/rollout/controller.js';
import { shadowStep, type Rollout } from '../operator/rollout/rollout.js';
import {
  countInputs,
  judge,
  type VerdictInputs,
  type VerdictRecord,
} from '../operator/rollout/verdict.js';

/** Where a rollout stands, with the numbers of its present step. */
export interface RolloutStanding {
  readonly slot: string;
  readonly champion: number;
  readonly challenger: number;
  readonly status: Rollout['status'];
  /** `shadow`, or the share of the fleet that is served, in percent. */
  readonly step: 'shadow' | number;
  readonly inputs: VerdictInputs;
  /** What the gate says at this moment, and what it is waiting for. */
  readonly verdict: string;
  readonly reason: string;
  readonly lastVerdict: VerdictRecord | undefined;
}

export function standingOf(rollout: Rollout, nowMs: number): RolloutStanding {
  const { slot, champion, challenger, status, plan, step } = rollout;
  const inputs = countInputs(rollout, nowMs);
  const { verdict, reason } = judge(inputs, rollout);
  return {
    slot,
    champion: champion.sequence,
    challenger: challenger.sequence,
    status,
    step: step === shadowStep ? 'shadow' : (plan.exposures[step] ?? 0) / 100,
    inputs,
    verdict,
    reason,
    lastVerdict: rollout.verdicts.at(-1),
  };
}

/** One line about a step as it is. */
export function progressLine(rollout: Rollout, nowMs: number): string {
  return `${describeStep(rollout)}: ${countsOf(countInputs(rollout, nowMs))}`;
}

/** One line about a verdict: when, what was done, the numbers, the rule, the reason. */
export function verdictLine({ t, inputs, judgement, action, by }: VerdictRecord): string {
  const what = by === 'operator' ? `${action} by the operator` : action;
  const { rule, reason } = judgement;
  return `${new Date(t).toISOString()}  ${what}: ${countsOf(inputs)}; ${rule}: ${reason}`;
}

/** The lines of `rollout status`. */
export function statusLines(rollout: Rollout, nowMs: number): readonly string[] {
  const { inputs, reason, lastVerdict } = standingOf(rollout, nowMs);
  const decided = rollout.status === 'promoted' || rollout.status === 'aborted';
  return [
    `${rollout.slot}: ${describeStep(rollout)}; champion ${rollout.champion.sequence}`,
    `  devices  ${countsOf(inputs)}`,
    ...(decided ? [] : [`  now      ${reason}`]),
    ...(lastVerdict === undefined ? [] : [`  verdict  ${verdictLine(lastVerdict)}`]),
  ];
}

function countsOf({
  compared,
  harmed,
  late,
  lateServed,
  failed,
  enrolled,
  arrived,
  expected,
}: VerdictInputs): string {
  return [
    `${compared} of ${enrolled} compared`,
    `${harmed} harmed`,
    `${late} late`,
    `${failed} gave it up`,
    `${arrived} of ${expected} arrived`,
    ...(lateServed === null
      ? []
      : [`late answers on ${lateServed.treated} of them and ${lateServed.control} others`]),
  ].join(', ');
}
