import { limits } from '../../protocol/limits.js';
import { lookAtFleet, type FleetLook, type LookTime } from './fleet-look.js';
import { heardOfLate, thereOf } from './membership.js';
import type { RolloutRequest } from './requests.js';
import type { RolloutFleet } from './rollout-fleet.js';
import { exposureOf, isBaking, stepsOf } from './steps.js';
import {
  shadowStep,
  type LastLook,
  type RefusedDevice,
  type Rollout,
  type RolloutDevice,
  type Step,
} from './rollout.js';
import { encodeVerdict } from './verdict-file.js';
import {
  actionFor,
  judgementOf,
  type Action,
  type ActionInputs,
  type VerdictRecord,
} from './verdict-record.js';
import type { Judgement } from '../verdict/judgement.js';

/** What a rollout becomes with a verdict, and whether devices must be told by a new policy. */
export interface Move {
  readonly rollout: Rollout;
  readonly verdict: VerdictRecord;
  readonly publishes: boolean;
}

/** The times of a look. */
export interface ControllerTime extends Omit<LookTime, 'isEdge'> {
  /** Milliseconds since the epoch, for people. */
  readonly wallMs: number;
}

/** The rollout after a look at its fleet, and what was decided where anything was. */
export interface LookedRollout {
  readonly rollout: Rollout;
  readonly move: Move | undefined;
}

/** Looks at the fleet, and decides what the evidence asks for. Pure but for the fleet, which it reads. */
export function lookAtRollout(
  before: Rollout,
  fleet: RolloutFleet,
  time: ControllerTime,
): LookedRollout {
  const rollout = withFleet(before, fleet, time);
  if (rollout.status !== 'running' && rollout.status !== 'held')
    return { rollout, move: undefined };
  let look = lookAtFleet(rollout, fleet, { ...time, isEdge: false });
  let judgement = judgementOf(look.evidence);
  if (judgement.verdict === 'safe' && rollout.step !== shadowStep && !isBaking(rollout)) {
    // Only now: looked at more often, chance alone would hold some.
    look = lookAtFleet(rollout, fleet, { ...time, isEdge: true });
    judgement = judgementOf(look.evidence);
  }
  const looked = withLook(rollout, look, judgement, fleet);
  const inputs = inputsOf(rollout, 'controller');
  const action = actionFor(judgement, inputs);
  if (action === undefined) return { rollout: looked, move: undefined };
  const move = act(looked, fleet, { look, judgement, inputs, action }, time);
  return { rollout: move.rollout, move };
}

/** A person decides, whatever the evidence says; it is written down as such. */
export function overrule(
  before: Rollout,
  fleet: RolloutFleet,
  action: 'abort' | 'promote',
  time: ControllerTime,
): Move {
  const rollout = withFleet(before, fleet, time);
  const look = lookAtFleet(rollout, fleet, { ...time, isEdge: false });
  const judgement = judgementOf(look.evidence);
  const inputs = inputsOf(rollout, 'operator');
  const looked = withLook(rollout, look, judgement, fleet);
  return act(looked, fleet, { look, judgement, inputs, action }, time);
}

/** A rollout that is paused stands still; one that was held gets its time anew. No step begins. */
export function withRequest(
  rollout: Rollout,
  request: Exclude<RolloutRequest, 'abort' | 'promote'>,
): Rollout {
  const { status } = rollout;
  if (request === 'pause' && status === 'running') return { ...rollout, status: 'paused' };
  if (request === 'resume' && status === 'paused') return { ...rollout, status: 'running' };
  if (request === 'resume' && status === 'held') {
    return { ...rollout, status: 'running', elapsedMs: 0 };
  }
  return rollout;
}

/** Time passes for a rollout while somebody decides about it. */
export function withTime(rollout: Rollout, passedMs: number): Rollout {
  if (rollout.status !== 'running' && rollout.status !== 'held') return rollout;
  return { ...rollout, elapsedMs: rollout.elapsedMs + passedMs };
}

/** Keeps what must not be forgotten of the fleet, whatever it says later. */
function withFleet(
  rollout: Rollout,
  fleet: RolloutFleet,
  { monotonicMs, askedMs }: ControllerTime,
): Rollout {
  const failed: Record<string, string> = { ...rollout.failed };
  const lives: Record<string, readonly string[]> = { ...rollout.lives };
  let hasChanged = false;
  for (const [deviceId, known] of fleet.devices) {
    if (known.failure !== undefined && !Object.hasOwn(failed, deviceId)) {
      failed[deviceId] = known.failure;
      hasChanged = true;
    }
    if (known.lives.length > 0 && lives[deviceId] !== known.lives) {
      lives[deviceId] = known.lives;
      hasChanged = true;
    }
  }
  const { plan, present } = rollout;
  // A controller that has just begun to listen knows nobody yet, however long the one before it did.
  const listensMs = Math.min(rollout.elapsedMs, monotonicMs - askedMs);
  const isOpen = present === undefined && listensMs >= plan.reportMs;
  const found = isOpen ? thereOf(rollout.roster, fleet) : [];
  const there = found.length > 0 ? found : present;
  if (!hasChanged && there === present) return rollout;
  return { ...rollout, failed, lives, present: there };
}

function withLook(
  rollout: Rollout,
  look: FleetLook,
  judgement: Judgement,
  fleet: RolloutFleet,
): Rollout {
  const { left, leftStep, named } = judgement;
  return { ...rollout, left, leftStep, named, look: lastLook(rollout, look, judgement, fleet) };
}

/** Devices of one kind that a status shows. */
const mostShown = 100;

function lastLook(
  { present = [] }: Rollout,
  { served, arrived }: FleetLook,
  { verdict, guardrail, reason, lower, upper, rounds }: Judgement,
  fleet: RolloutFleet,
): LastLook {
  const sum = {
    windows: 0,
    disagreements: 0,
    unlabelled: 0,
    onlyChampionRight: 0,
    onlyChallengerRight: 0,
  };
  let comparing = 0;
  const refused: RefusedDevice[] = [];
  const labelsRefused: LastLook['labelsRefused'][number][] = [];
  for (const [deviceId, known] of fleet.devices) {
    const { evidence, refused: times, refusedBecause, labelRefused } = known;
    if (labelRefused !== undefined && labelsRefused.length < mostShown) {
      labelsRefused.push({ deviceId, ...labelRefused });
    }
    if (refusedBecause !== undefined) refused.push({ deviceId, code: refusedBecause, times });
    if (evidence === undefined) continue;
    comparing++;
    sum.windows += evidence.totals.windows;
    sum.disagreements += evidence.totals.disagreements;
    sum.unlabelled += evidence.totals.unlabelled;
    sum.onlyChampionRight += evidence.totals.onlyChampionRight;
    sum.onlyChallengerRight += evidence.totals.onlyChallengerRight;
  }
  return {
    ...{ verdict, guardrail, reason, lower, upper, rounds },
    present: present.length,
    ...{ comparing, served, arrived, ...sum, refused, labelsRefused },
  };
}

function inputsOf(rollout: Rollout, by: ActionInputs['by']): ActionInputs {
  const { status, step, elapsedMs, plan } = rollout;
  return {
    ...{ status, step, elapsedMs, by },
    steps: stepsOf(rollout),
    horizonMs: plan.horizonMs,
    ...(isBaking(rollout) && { bakeMs: plan.bakeMs }),
  };
}

interface Decision {
  readonly look: FleetLook;
  readonly judgement: Judgement;
  readonly inputs: ActionInputs;
  readonly action: Action;
}

function act(
  rollout: Rollout,
  fleet: RolloutFleet,
  { look, judgement, inputs, action }: Decision,
  { wallMs, monotonicMs }: ControllerTime,
): Move {
  const { chain } = rollout;
  const verdict: VerdictRecord = {
    t: wallMs,
    number: chain.length + 1,
    previous: chain.hash,
    sources: look.sources,
    evidence: look.evidence,
    judgement,
    inputs,
    action,
  };
  const decided: Rollout = {
    ...rollout,
    chain: { length: verdict.number, hash: encodeVerdict(verdict).hash },
  };
  switch (action) {
    case 'advance': {
      const { step, minBlocks } = rollout;
      const next: Rollout = {
        ...decided,
        status: 'running',
        step: step + 1,
        elapsedMs: 0,
        fromPolicy: 0,
        leftStep: [],
        minBlocks:
          step === shadowStep ? Math.min(judgement.blocks, limits.evidenceBlocks) : minBlocks,
        heard: heardOfLate(rollout, fleet, monotonicMs),
        joined: thereOf(rollout.enrolled, fleet),
      };
      return { rollout: next, verdict, publishes: true };
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

/** Devices were enrolled: they are listened to from now on, and count from the next step on. */
export function withEnrolled(rollout: Rollout, roster: readonly RolloutDevice[]): Rollout {
  const known = new Set([...rollout.roster, ...rollout.enrolled].map(({ deviceId }) => deviceId));
  const added = roster.filter(({ deviceId }) => !known.has(deviceId));
  if (added.length === 0) return rollout;
  return { ...rollout, enrolled: [...rollout.enrolled, ...added] };
}

/** One line for people: where a rollout stands. */
export function describeStep(rollout: Rollout): string {
  const { step, status, challenger } = rollout;
  const release = `release ${challenger.sequence}`;
  if (status === 'promoted') return `${release} is current for good`;
  if (status === 'aborted') return `${release} was given up`;
  return `${release} ${whereOf(rollout, step)}${status === 'running' ? '' : `, ${status}`}`;
}

function whereOf(rollout: Rollout, step: Step): string {
  if (step === shadowStep) return 'in the shadow';
  const { plan, elapsedMs } = rollout;
  if (!isBaking(rollout)) return `serves ${exposureOf(rollout) / 100} % of the fleet`;
  const leftS = Math.ceil(Math.max(0, plan.bakeMs - elapsedMs) / 1000);
  const heldOut = plan.holdout === 0 ? '' : ` but ${plan.holdout / 100} % held out`;
  return `serves everyone${heldOut}, and can be taken back for ${leftS} s more`;
}
