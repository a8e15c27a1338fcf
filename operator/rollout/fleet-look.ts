import { experimentName, isExposed } from '../../protocol/assignment/bucket.js';
import { fromHex, toHex } from '../../protocol/bytes.js';
import { everyone } from '../../protocol/documents/policy.js';
import type { ArmCount, DeviceEvidence, FleetEvidence, StepContext } from '../verdict/evidence.js';
import type { KnownDevice, RolloutFleet } from './rollout-fleet.js';
import { shadowStep, type Rollout, type RolloutDevice } from './rollout.js';

/** Reports that may be missing before somebody is silent. */
const missedReports = 3;

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
  const { plan, step, roster, challenger, exposures } = rollout;
  const servedIds = new Set(step === shadowStep ? [] : servedBy(rollout, fleet));
  const devices: DeviceEvidence[] = [];
  const sources: EvidenceSource[] = [];
  let [arrived, unheard, held] = [0, 0, 0];
  const facts = factsOf(rollout);
  for (const device of roster) {
    const known = fleet.devices.get(device.deviceId);
    if (known === undefined) continue;
    const { evidence } = known;
    if (evidence !== undefined) {
      const { life, revision } = evidence;
      sources.push({ id: device.deviceId, life: toHex(life), revision });
      if (evidence.drift === 'hold') held++;
    }
    if (servedIds.has(device.deviceId) && known.current === challenger.sequence) {
      arrived++;
      if (evidence?.service.serving !== true || evidence.service.reports === 0) unheard++;
    }
    const silent = facts.heard.has(device.deviceId) && isSilent(rollout, known, time);
    devices.push(evidenceOf(device, known, facts, silent));
  }
  const unmet: string[] = [];
  if (rollout.present === undefined) unmet.push('it is not known yet which devices are there');
  if (rollout.elapsedMs < plan.stepSoakMs) unmet.push('the step is not over yet');
  if (unheard > 0) {
    unmet.push(`${unheard} of ${arrived} devices have not reported since they were served`);
  }
  return {
    evidence: {
      terms: { ...plan.terms, steps: exposures.length, devices: roster.length },
      devices,
      step: step === shadowStep ? undefined : contextOf(rollout, fleet, servedIds, time),
      unmet,
      holds:
        held === 0
          ? []
          : [`the input of ${held} devices has changed, and their owners want to wait`],
      names: {
        champion: `release ${rollout.champion.sequence}`,
        challenger: `release ${challenger.sequence}`,
      },
    },
    sources,
    served: servedIds.size,
    arrived,
  };
}

/** What a rollout keeps of its devices, by id. */
interface KeptFacts {
  readonly present: ReadonlySet<string>;
  /** Heard shortly before the step asked something of them. */
  readonly heard: ReadonlySet<string>;
  readonly left: ReadonlyMap<string, number>;
  readonly leftStep: ReadonlyMap<string, number>;
  readonly named: ReadonlyMap<string, number>;
}

function factsOf({ present, heard, left, leftStep, named }: Rollout): KeptFacts {
  return {
    present: new Set(present),
    heard: new Set(heard),
    left: new Map(left.map(({ id, round }) => [id, round])),
    leftStep: new Map(leftStep.map(({ id, round }) => [id, round])),
    named: new Map(named.map(({ id, block }) => [id, block])),
  };
}

function evidenceOf(
  { deviceId, stratum }: RolloutDevice,
  { evidence, failure }: Readonly<KnownDevice>,
  { present, left, leftStep, named }: KeptFacts,
  silent: boolean,
): DeviceEvidence {
  return {
    id: deviceId,
    stratum,
    asked: true,
    present: present.has(deviceId),
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
  { heardMs }: Readonly<KnownDevice>,
  { monotonicMs, askedMs }: LookTime,
): boolean {
  const patienceMs = missedReports * plan.reportMs + plan.trial.soakMs;
  const lastMs = Math.max(heardMs ?? askedMs, askedMs);
  return monotonicMs - lastMs > patienceMs;
}

/** Who was heard of late: silence of others says nothing. */
export function heardOfLate(
  { roster, plan }: Rollout,
  fleet: RolloutFleet,
  monotonicMs: number,
): readonly string[] {
  return roster
    .map(({ deviceId }) => deviceId)
    .filter((deviceId) => {
      const { heardMs } = fleet.devices.get(deviceId) ?? {};
      return heardMs !== undefined && monotonicMs - heardMs <= missedReports * plan.reportMs;
    });
}

/** Who is there: online, or heard since the rollout began. */
export function presentOf({ roster }: Rollout, fleet: RolloutFleet): readonly string[] {
  return roster
    .map(({ deviceId }) => deviceId)
    .filter((deviceId) => {
      const known = fleet.devices.get(deviceId);
      return known !== undefined && (known.online || known.heardMs !== undefined);
    });
}

/** Whom the present step is to serve: drawn by lots, without those that stay aside for too few blocks. */
function servedBy(rollout: Rollout, fleet: RolloutFleet): readonly string[] {
  return exposedBy(rollout).filter((deviceId) => {
    const closed = fleet.devices.get(deviceId)?.evidence?.shadow.blocks.length ?? 0;
    return closed >= rollout.minBlocks;
  });
}

function exposedBy({ roster, salt, exposures, step, present = [] }: Rollout): readonly string[] {
  const name = experimentName(fromHex(salt));
  const isPresent = new Set(present);
  const exposure = exposures[step] ?? 0;
  return roster
    .map(({ deviceId }) => deviceId)
    .filter((deviceId) => isPresent.has(deviceId) && isExposed(name, deviceId, exposure));
}

function contextOf(
  rollout: Rollout,
  fleet: RolloutFleet,
  served: ReadonlySet<string>,
  { isEdge }: LookTime,
): StepContext {
  const { step, exposures, fromPolicy } = rollout;
  return {
    isLast: step === exposures.length - 1,
    fromPolicy,
    served: [...served],
    ...(isEdge && { arms: armsOf(rollout, fleet) }),
  };
}

/** How many devices the arm of the ramp has, and how many of them report, beside what the lots and the others promise. */
function armsOf(rollout: Rollout, fleet: RolloutFleet): readonly ArmCount[] {
  const { present = [], exposures, step, plan } = rollout;
  const exposed = exposedBy(rollout);
  const exposure = exposures[step] ?? 0;
  const reports = (deviceId: string): boolean =>
    fleet.devices.get(deviceId)?.evidence !== undefined;
  if (present.length === 0) return [];
  // What was raised to three devices was made from their lots.
  const wasPlanned = plan.exposures.includes(exposure);
  const share = exposure / everyone;
  return [
    ...(wasPlanned ? [{ arm: 'ramp', devices: exposed.length, of: present.length, share }] : []),
    {
      arm: 'ramp, of those that report',
      devices: exposed.filter(reports).length,
      of: exposed.length,
      share: present.filter(reports).length / present.length,
    },
  ];
}
