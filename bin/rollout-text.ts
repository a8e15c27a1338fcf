import { describeStep } from '../operator/rollout/controller.js';
import { exposureOf, isBaking } from '../operator/rollout/steps.js';
import { shadowStep, type LastLook, type Rollout } from '../operator/rollout/rollout.js';
import type { VerdictRecord } from '../operator/rollout/verdict-record.js';

/** Where a rollout stands, with what was seen at its last look. */
export interface RolloutStanding {
  readonly slot: string;
  readonly champion: number;
  readonly challenger: number;
  readonly status: Rollout['status'];
  /** `shadow`, the share of the fleet that is served in percent, or `bake`: everyone is, with a way back. */
  readonly step: 'shadow' | number | 'bake';
  /** Undefined before the first look. */
  readonly look: LastLook | undefined;
  /** What the last look said, and what it is waiting for. */
  readonly verdict: string;
  readonly reason: string;
  /** Devices that are certainly worse off, and those that are out of the rounds. */
  readonly named: readonly string[];
  readonly left: readonly string[];
  readonly failed: Readonly<Record<string, string>>;
  readonly verdicts: number;
}

export function standingOf(rollout: Rollout): RolloutStanding {
  const { slot, champion, challenger, status, look } = rollout;
  return {
    slot,
    champion: champion.sequence,
    challenger: challenger.sequence,
    status,
    step: stepOf(rollout),
    look,
    verdict: look?.verdict ?? 'not-yet',
    reason: look?.reason ?? 'nobody has looked yet',
    named: rollout.named.map(({ id }) => id),
    left: rollout.left.map(({ id }) => id),
    failed: rollout.failed,
    verdicts: rollout.chain.length,
  };
}

function stepOf(rollout: Rollout): RolloutStanding['step'] {
  if (rollout.step === shadowStep) return 'shadow';
  return isBaking(rollout) ? 'bake' : exposureOf(rollout) / 100;
}

/** One line about a step as it is. */
export function progressLine(rollout: Rollout): string {
  const { look } = rollout;
  return [describeStep(rollout), ...(look === undefined ? [] : [countsOf(look)])].join(': ');
}

/** One line about a verdict: when, what was done, and why. */
export function verdictLine({ t, judgement, inputs, action }: VerdictRecord): string {
  const what = inputs.by === 'operator' ? `${action} by the operator` : action;
  const { verdict, rounds, reason } = judgement;
  return `${new Date(t).toISOString()}  ${what}: ${verdict} after ${rounds} rounds: ${reason}`;
}

/** The lines of `rollout status`. */
export function statusLines(rollout: Rollout): readonly string[] {
  const { look, named, left, failed } = rollout;
  const decided = rollout.status === 'promoted' || rollout.status === 'aborted';
  const line = (word: string, text: string): string => `  ${word.padEnd(8)} ${text}`;
  return [
    `${rollout.slot}: ${describeStep(rollout)}; champion ${rollout.champion.sequence}`,
    ...(look === undefined ? [] : [line('devices', countsOf(look))]),
    line(decided ? 'verdict' : 'now', look?.reason ?? 'nobody has looked yet'),
    ...named.map(({ id, loss }) =>
      line('worse', `${id}, about ${(100 * loss).toFixed(0)} more wrong answers per 100 windows`),
    ),
    ...left.map(({ id, round }) => line('left', `${id} did not close block ${round}`)),
    ...Object.entries(failed).map(([id, code]) => line('gave up', `${id}: ${code}`)),
    ...(look?.labelsRefused ?? []).map(({ deviceId, code, reason }) =>
      line('label', `not used by ${deviceId}: ${code}: ${reason}`),
    ),
    ...(look?.refused ?? []).map(({ deviceId, code, times }) =>
      line('refused', `evidence of ${deviceId}, ${times} times: ${code}`),
    ),
  ];
}

function countsOf(look: LastLook): string {
  const { present, comparing, served, arrived, rounds, disagreements, unlabelled } = look;
  return [
    `${comparing} of ${present} compare`,
    `${rounds} rounds`,
    `${disagreements} disagreements, ${unlabelled} without a label`,
    ...(served === 0 ? [] : [`${arrived} of ${served} served`]),
  ].join(', ');
}
