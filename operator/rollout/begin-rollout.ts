import { toHex } from '../../protocol/bytes.js';
import { CodedError } from '../../protocol/coded-error.js';
import type { Policy } from '../../protocol/documents/policy.js';
import { publishContent } from '../publish/publish-release.js';
import type { PublishTools } from '../publish/publish-tools.js';
import { renewBeacon } from '../publish/publish-policy.js';
import { reconcile } from '../publish/reconcile.js';
import { findManifest, readStanding } from '../publish/standing.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import type { RequestBox } from './requests.js';
import type { RolloutStore } from './rollout-store.js';
import { referenceOf } from './champion-sureness.js';
import { checkClasses } from './class-names.js';
import { exposuresOf } from './exposures.js';
import { begun, isOver, type Rollout, type RolloutDevice, type RolloutPlan } from './rollout.js';

/** What a rollout is begun with. */
export interface RolloutBeginning {
  readonly release: ReleaseFile;
  readonly plan: RolloutPlan;
  /** The enrolled devices. */
  readonly roster: readonly RolloutDevice[];
  readonly store: RolloutStore;
  readonly requests: RequestBox;
  /** Whether the challenger may know classes that the champion does not. */
  readonly newClasses?: boolean;
}

/**
 * Publishes what the policies of a rollout will name, and writes its record. Nobody is told of the
 * challenger yet. The lock of the rollout is the caller's.
 *
 * Throws `rollout-exists`, `roster-empty`, `champion-missing`, `sequence-reused`,
 * `sequence-below-current` and `classes-differ` before anything is sent, and what publishing throws.
 */
export async function beginRollout(
  { release, plan, roster, store, requests, newClasses = false }: RolloutBeginning,
  tools: PublishTools,
): Promise<Rollout> {
  const { slot, sequence } = release.manifest;
  store.refuseOpen(slot);
  if (roster.length === 0) throw new CodedError('roster-empty', `for release ${sequence}`);
  const { champion } = (await standingPolicy(slot, tools)) ?? {};
  if (champion === undefined) throw new CodedError('champion-missing', `slot ${slot}`);
  // Devices would refuse it, each for itself, and the rollout would only wait for its horizon.
  if (sequence <= champion.sequence) {
    throw new CodedError(
      sequence === champion.sequence ? 'sequence-reused' : 'sequence-below-current',
      `release ${sequence} of ${slot}, whose champion is ${champion.sequence}`,
    );
  }
  const manifest = findManifest(slot, champion.sequence, tools);
  checkClasses(manifest, release, newClasses, tools);
  await publishContent(release, tools);
  const salt = toHex(tools.randomBytes(8));
  const rollout: Rollout = {
    slot,
    champion: { sequence: champion.sequence, manifest: toHex(champion.manifest) },
    challenger: { sequence, manifest: toHex(tools.crypto.sha256(release.envelope)) },
    salt,
    plan,
    exposures: exposuresOf(
      plan.exposures,
      salt,
      roster.map(({ deviceId }) => deviceId),
    ),
    roster,
    ...begun,
    reference: manifest && referenceOf(manifest, tools),
    startedMs: tools.wallMs,
  };
  // What was asked of an earlier rollout is not meant for this one.
  requests.clear();
  store.write(rollout);
  return rollout;
}

/**
 * Finds the rollout that is to be gone on with. One that is over is given where devices do not know it yet,
 * because its controller died in between.
 *
 * Throws `rollout-missing`, `rollout-over`, and `rollout-superseded` where going on would take back what was
 * published since.
 */
export async function resumeRollout(
  slot: string,
  store: RolloutStore,
  tools: PublishTools,
): Promise<Rollout> {
  const rollout = store.read(slot);
  const inForce = await isInForce(rollout, tools);
  await announce(slot, tools);
  if (inForce) return rollout;
  const code = isOver(rollout) ? 'rollout-over' : 'rollout-superseded';
  throw new CodedError(code, `release ${rollout.challenger.sequence} of ${slot}`);
}

/** Devices follow a policy once the beacon names it: whoever died between the two is made up for. */
async function announce(slot: string, tools: PublishTools): Promise<void> {
  const { policies, beacon } = readStanding(tools);
  const version = policies.get(slot)?.content.version;
  if (version === beacon?.content.slots.get(slot)?.policyVersion) return;
  await renewBeacon(tools);
}

/**
 * Whether what was published last in the slot is of this rollout, or what was there when it began. Throws what
 * {@link reconcile} throws.
 */
export async function isInForce(rollout: Rollout, tools: PublishTools): Promise<boolean> {
  const policy = await standingPolicy(rollout.slot, tools);
  if (policy === undefined) return !isOver(rollout);
  const { fallback, promoted } = policy;
  if (fallback !== undefined && promoted === undefined && toHex(fallback.salt) === rollout.salt) {
    // Everyone is served, and devices still have their way back.
    return true;
  }
  if (toHex(policy.champion.manifest) !== rollout.champion.manifest) return false;
  return !isOver(rollout) || policy.arms.some(({ salt }) => toHex(salt) === rollout.salt);
}

async function standingPolicy(slot: string, tools: PublishTools): Promise<Policy | undefined> {
  const { standing } = await tools.exclusively(() => reconcile([slot], tools));
  return standing.policies.get(slot)?.content;
}
