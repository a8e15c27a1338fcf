import { toHex } from '../../protocol/bytes.js';
import type { Evidence } from '../../protocol/messages/evidence.js';
import type { DeviceEvidence, FleetEvidence, StepContext } from '../verdict/evidence.js';
import { surenessHold } from './champion-sureness.js';
import { armsOf, missedReports, servedBy } from './membership.js';
import { stepsOf } from './steps.js';
import { countOf } from '../verdict/words.js';
import type { KnownDevice, RolloutFleet } from './rollout-fleet.js';
import { shadowStep, type Rollout, type RolloutDevice } from './rollout.js';

/** What a device has said last, so that a record names exactly what it was derived from. */
export interface EvidenceSource {
  readonly id: string;
  readonly life: string;
  readonly revision: number;
}

/** All that one look at a fleet sees: what the judge is given, and where it is from. */
export interface FleetLook {
  readonly evidence: FleetEvidence;
  readonly sources: readonly EvidenceSource[];
  /** Devices that the step serves, and those of them where the challenger is committed. */
  readonly served: number;
  readonly arrived: number;
}

/** The time by which a device is silent that was asked something and says nothing. */
export interface LookTime {
  /** Now, by a clock that nobody sets, in milliseconds. */
  readonly monotonicMs: number;
  /** When the present step asked something of the devices, by the same clock; of this controller's life. */
  readonly askedMs: number;
  /** Whether the step has just begun or would end now: then the lots are looked at. */
  readonly isEdge: boolean;
}

/** Looks at what is known of a fleet. */
export function lookAtFleet(rollout: Rollout, fleet: RolloutFleet, time: LookTime): FleetLook {
  const { plan, step, roster, enrolled, challenger } = rollout;
  const servedIds = new Set(step === shadowStep ? [] : servedBy(rollout, fleet));
  const devices: DeviceEvidence[] = [];
  const sources: EvidenceSource[] = [];
  let [arrived, unheard, held] = [0, 0, 0];
  const facts = factsOf(rollout);
  for (const [i, device] of [...roster, ...enrolled].entries()) {
    const known = fleet.devices.get(device.deviceId);
    if (known === undefined) continue;
    const { evidence } = known;
    if (evidence !== undefined) {
      const { life, revision } = evidence;
      sources.push({ id: device.deviceId, life: toHex(life), revision });
      if (evidence.drift === 'hold') held++;
    }
    if (servedIds.has(device.deviceId) && fleet.currentOf(known) === challenger.sequence) {
      arrived++;
      if (!hasReported(rollout, evidence)) unheard++;
    }
    const silent = facts.heard.has(device.deviceId) && isSilent(rollout, known, time);
    devices.push(evidenceOf(device, known, facts, { silent, isNew: i >= roster.length }));
  }
  const unmet: string[] = [];
  if (rollout.present === undefined) unmet.push('it is not known yet which devices are there');
  if (rollout.elapsedMs < plan.stepSoakMs) unmet.push('the step is not over yet');
  if (unheard > 0) {
    unmet.push(`${unheard} of ${arrived} devices have not reported since they were served`);
  }
  const names = {
    champion: `release ${rollout.champion.sequence}`,
    challenger: `release ${challenger.sequence}`,
  };
  const sureness = [...fleet.devices.values()].flatMap(({ sureness: each }) => each ?? []);
  return {
    evidence: {
      terms: { ...plan.terms, steps: stepsOf(rollout), devices: roster.length },
      devices,
      step: step === shadowStep ? undefined : contextOf(rollout, fleet, servedIds, time),
      unmet,
      holds: [...driftHold(held), ...surenessHold(rollout.reference, sureness, names.champion)],
      names,
    },
    sources,
    served: servedIds.size,
    arrived,
  };
}

/** Whether a device has reported since the challenger was committed there; one that takes turns, at any time since. */
function hasReported({ plan }: Rollout, evidence: Evidence | undefined): boolean {
  const { serving = false, reports = 0 } = evidence?.service ?? {};
  return reports > 0 && (serving || plan.turnWindows > 0);
}

function driftHold(held: number): readonly string[] {
  if (held === 0) return [];
  return [`the input of ${countOf(held, 'device')} has changed, and an owner wants to wait`];
}

/** What a rollout keeps of its devices, by id. */
interface KeptFacts {
  readonly present: ReadonlySet<string>;
  /** Enrolled since the rollout began, and there when the step did. */
  readonly joined: ReadonlySet<string>;
  /** Heard shortly before the step asked something of them. */
  readonly heard: ReadonlySet<string>;
  readonly left: ReadonlyMap<string, number>;
  readonly leftStep: ReadonlyMap<string, number>;
  readonly named: ReadonlyMap<string, number>;
}

function factsOf({ present, joined, heard, left, leftStep, named }: Rollout): KeptFacts {
  return {
    present: new Set(present),
    joined: new Set(joined),
    heard: new Set(heard),
    left: new Map(left.map(({ id, round }) => [id, round])),
    leftStep: new Map(leftStep.map(({ id, round }) => [id, round])),
    named: new Map(named.map(({ id, block }) => [id, block])),
  };
}

function evidenceOf(
  { deviceId, stratum }: RolloutDevice,
  { evidence, failure }: Readonly<KnownDevice>,
  { present, joined, left, leftStep, named }: KeptFacts,
  { silent, isNew }: { readonly silent: boolean; readonly isNew: boolean },
): DeviceEvidence {
  return {
    id: deviceId,
    stratum,
    asked: true,
    present: (isNew ? joined : present).has(deviceId),
    ...(isNew && { joined: true }),
    failed: failure !== undefined,
    silent,
    left: left.get(deviceId),
    leftStep: leftStep.get(deviceId),
    named: named.get(deviceId),
    shadow: evidence?.shadow.blocks ?? [],
    served: evidence?.served.blocks ?? [],
    late: evidence?.late,
    correlation: evidence?.correlation,
  };
}

/** Heard shortly before it was asked, and for three reports and the time of a trial not since (evidence rules, 5). */
function isSilent(
  { plan }: Rollout,
  { model: { heardMs } }: Readonly<KnownDevice>,
  { monotonicMs, askedMs }: LookTime,
): boolean {
  const patienceMs = missedReports * plan.reportMs + plan.trial.soakMs;
  const lastMs = Math.max(heardMs ?? askedMs, askedMs);
  return monotonicMs - lastMs > patienceMs;
}

function contextOf(
  rollout: Rollout,
  fleet: RolloutFleet,
  served: ReadonlySet<string>,
  { isEdge }: LookTime,
): StepContext {
  const { step, exposures, fromPolicy } = rollout;
  return {
    isLast: step >= exposures.length - 1,
    fromPolicy,
    served: [...served],
    ...(isEdge && { arms: armsOf(rollout, fleet) }),
  };
}
