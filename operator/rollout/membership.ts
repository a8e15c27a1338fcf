import { experimentName, isExposed } from '../../protocol/assignment/bucket.js';
import { isHeldOut } from '../../protocol/assignment/comparison.js';
import { fromHex } from '../../protocol/bytes.js';
import { everyone } from '../../protocol/documents/policy.js';
import type { ArmCount } from '../verdict/evidence.js';
import type { RolloutFleet } from './rollout-fleet.js';
import { exposureOf, isBaking } from './steps.js';
import type { Rollout, RolloutDevice } from './rollout.js';

/** Reports that may be missing before somebody is silent. */
export const missedReports = 3;

/** Who is there: online, or heard since this controller listens. */
export function thereOf(devices: readonly RolloutDevice[], fleet: RolloutFleet): readonly string[] {
  return idsOf(devices).filter((deviceId) => {
    const { model } = fleet.devices.get(deviceId) ?? {};
    return model?.online === true || model?.heardMs !== undefined;
  });
}

/** Who was heard of late: silence of others says nothing. */
export function heardOfLate(
  { roster, enrolled, plan }: Rollout,
  fleet: RolloutFleet,
  monotonicMs: number,
): readonly string[] {
  return idsOf([...roster, ...enrolled]).filter((deviceId) => {
    const heardMs = fleet.devices.get(deviceId)?.model.heardMs;
    return heardMs !== undefined && monotonicMs - heardMs <= missedReports * plan.reportMs;
  });
}

/** Whom the present step is to serve: drawn by lots, without those that stay aside for too few blocks. */
export function servedBy(rollout: Rollout, fleet: RolloutFleet): readonly string[] {
  const { present = [], joined, minBlocks } = rollout;
  return drawnOf(rollout, [...present, ...joined]).filter((deviceId) => {
    const closed = fleet.devices.get(deviceId)?.evidence?.shadow.blocks.length ?? 0;
    return closed >= minBlocks;
  });
}

/** How many devices the arm of the ramp has, and how many of them report, beside what the lots and the others promise. */
export function armsOf(rollout: Rollout, fleet: RolloutFleet): readonly ArmCount[] {
  const { present = [], plan } = rollout;
  const drawn = drawnOf(rollout, present);
  const exposure = exposureOf(rollout);
  const reports = (deviceId: string): boolean =>
    fleet.devices.get(deviceId)?.evidence !== undefined;
  if (present.length === 0) return [];
  // What was raised to three devices was made from their lots.
  const wasPlanned = plan.exposures.includes(exposure);
  const share = exposure / everyone;
  return [
    ...(wasPlanned ? [{ arm: 'ramp', devices: drawn.length, of: present.length, share }] : []),
    {
      arm: 'ramp, of those that report',
      devices: drawn.filter(reports).length,
      of: drawn.length,
      share: present.filter(reports).length / present.length,
    },
  ];
}

/** Whom the lots of the present step serve. */
function drawnOf(rollout: Rollout, deviceIds: readonly string[]): readonly string[] {
  const salt = fromHex(rollout.salt);
  const name = experimentName(salt);
  const exposure = exposureOf(rollout);
  const holdout = isBaking(rollout) ? rollout.plan.holdout : 0;
  return deviceIds.filter(
    (deviceId) => isExposed(name, deviceId, exposure) && !isHeldOut(salt, deviceId, holdout),
  );
}

function idsOf(devices: readonly RolloutDevice[]): readonly string[] {
  return devices.map(({ deviceId }) => deviceId);
}
