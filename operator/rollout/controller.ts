import type { ReportMessage } from '../../protocol/messages/report.js';
import type { GateJudgement } from '../../protocol/statistics/gate.js';
import type { DeviceEvent, DeviceState } from '../fleet/device-messages.js';
import { withEvent, withReport, withState } from './fleet-evidence.js';
import type { RolloutRequest } from './requests.js';
import { shadowStep, type Rollout } from './rollout.js';
import { countInputs, judge, type VerdictInputs, type VerdictRecord } from './verdict.js';

/** A device's message, validated. */
export type DeviceMessage =
  | {
      readonly channel: 'report';
      /** Counts since the last report. */
      readonly message: ReportMessage;
      /** Whether they are all since the start of the device. */
      readonly isWhole?: boolean;
    }
  | { readonly channel: 'state'; readonly message: DeviceState }
  | { readonly channel: 'events'; readonly message: DeviceEvent };

/** What a rollout becomes, and whether devices must be told by a new policy. */
export interface Move {
  readonly rollout: Rollout;
  readonly verdict: VerdictRecord;
  readonly publishes: boolean;
}

/** The rollout after a message of a device; one that is not enrolled has no say. */
export function withMessage(rollout: Rollout, deviceId: string, heard: DeviceMessage): Rollout {
  if (!rollout.roster.includes(deviceId)) return rollout;
  switch (heard.channel) {
    case 'report':
      return withReport(rollout, deviceId, heard.message, heard.isWhole);
    case 'events':
      return withEvent(rollout, deviceId, heard.message);
    case 'state': {
      const slot = heard.message.slots.get(rollout.slot);
      return slot === undefined ? rollout : withState(rollout, deviceId, slot);
    }
  }
}

/** What the evidence so far asks for; undefined where there is nothing to do. Pure. */
export function nextMove(rollout: Rollout, nowMs: number): Move | undefined {
  if (rollout.status !== 'running' && rollout.status !== 'held') return undefined;
  const inputs = countInputs(rollout, nowMs);
  const judgement = judge(inputs, rollout);
  const action = actionFor(judgement, rollout, inputs);
  if (action === 'none') return undefined;
  return act(rollout, action, inputs, judgement, nowMs, 'controller');
}

/** A person decides, whatever the evidence says; it is written down as such. */
export function overrule(rollout: Rollout, action: 'abort' | 'promote', nowMs: number): Move {
  const inputs = countInputs(rollout, nowMs);
  return act(rollout, action, inputs, judge(inputs, rollout), nowMs, 'operator');
}

/** A rollout that is paused stands still; its step begins anew when it goes on. */
export function withRequest(
  rollout: Rollout,
  request: Exclude<RolloutRequest, 'abort' | 'promote'>,
  nowMs: number,
): Rollout {
  const { status } = rollout;
  if (request === 'pause' && status === 'running') return { ...rollout, status: 'paused' };
  if (request === 'resume' && (status === 'paused' || status === 'held')) {
    return { ...rollout, status: 'running', stepStartedMs: nowMs };
  }
  return rollout;
}

function actionFor(
  { verdict }: GateJudgement,
  { status, step, plan }: Rollout,
  { elapsedMs }: VerdictInputs,
): VerdictRecord['action'] {
  switch (verdict) {
    case 'harm':
      return 'abort';
    case 'safe':
      return step + 1 < plan.exposures.length ? 'advance' : 'promote';
    case 'hold':
      if (status === 'running') return 'hold';
      // Held for as long again, and nobody decided: never ship on no evidence.
      return elapsedMs >= 2 * plan.horizonMs ? 'revert' : 'none';
    case 'continue':
      return 'none';
  }
}

function act(
  rollout: Rollout,
  action: Exclude<VerdictRecord['action'], 'none'>,
  inputs: VerdictInputs,
  judgement: GateJudgement,
  nowMs: number,
  by: VerdictRecord['by'],
): Move {
  const verdict: VerdictRecord = { t: nowMs, inputs, judgement, action, by };
  const decided = { ...rollout, verdicts: [...rollout.verdicts, verdict] };
  switch (action) {
    case 'advance': {
      const next = { status: 'running', step: rollout.step + 1, stepStartedMs: nowMs } as const;
      return { rollout: { ...decided, ...next }, verdict, publishes: true };
    }
    case 'promote':
      return { rollout: { ...decided, status: 'promoted' }, verdict, publishes: true };
    case 'abort':
    case 'revert':
      return { rollout: { ...decided, status: 'aborted' }, verdict, publishes: true };
    case 'hold':
      return { rollout: { ...decided, status: 'held' }, verdict, publishes: false };
  }
}

/** One line for people: where a rollout stands. */
export function describeStep({ step, plan, status, challenger }: Rollout): string {
  const release = `release ${challenger.sequence}`;
  if (status === 'promoted') return `${release} is current for good`;
  if (status === 'aborted') return `${release} was given up`;
  const share = (plan.exposures[step] ?? 0) / 100;
  const where = step === shadowStep ? 'in the shadow' : `serves ${share} % of the fleet`;
  return `${release} ${where}${status === 'running' ? '' : `, ${status}`}`;
}
