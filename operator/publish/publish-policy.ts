import { sealSign1 } from '../../protocol/cose/sign1.js';
import { encodeBeacon, type Beacon } from '../../protocol/documents/beacon.js';
import { encodePolicy, type Policy } from '../../protocol/documents/policy.js';
import type { KeyFolder } from '../keys/key-folder.js';
import { nextBeacon } from './next-beacon.js';
import { requireRoles, type PublishTools } from './publish-tools.js';
import { reconcile, type Reconciled } from './reconcile.js';
import { epochOf } from './standing.js';

/** The numbers under which a policy was published. */
export interface PolicyPublication {
  readonly policyVersion: number;
  readonly beaconCounter: number;
}

/**
 * Signs and publishes the next policy of a slot, then the beacon that says so. Both are made from what the key folder
 * knows, and written down there before they are sent. The beacon lists the other slots too, which others may be
 * publishing at the same time: so they take turns. Throws `keys-busy`, `published-elsewhere` and `key-role-mismatch`.
 */
export function publishPolicy(
  content: Omit<Policy, 'version'>,
  tools: PublishTools,
): Promise<PolicyPublication> {
  const { slot } = content;
  return tools.exclusively(async () => {
    requireRoles(tools, slot);
    const found = await reconcile([slot], tools);
    const { keys, topics } = tools;
    const version = keys.nextNumber('policy', slot, found.lastVersion(slot) + 1);
    const policy = { ...content, version };
    const bytes = await publishSigned('policy', topics.policy(slot), encodePolicy(policy), tools);
    tools.progress(`policy ${version} of ${slot}`);
    const policies = new Map(found.standing.policies).set(slot, { content: policy, bytes });
    const standing = { ...found.standing, policies };
    const { counter } = await publishBeacon({ ...found, standing }, tools);
    return { policyVersion: version, beaconCounter: counter };
  });
}

/**
 * Signs and publishes the next beacon over what stands. Throws what {@link publishPolicy} throws.
 */
export function renewBeacon(tools: PublishTools): Promise<Beacon> {
  return tools.exclusively(async () => {
    requireRoles(tools, undefined);
    return publishBeacon(await reconcile([], tools), tools);
  });
}

async function publishBeacon(
  { standing, lastCounter }: Reconciled,
  tools: PublishTools,
): Promise<Beacon> {
  const { keys, topics, crypto, wallMs } = tools;
  const counter = keys.nextNumber('beacon', 'all', lastCounter + 1);
  const beacon = nextBeacon(standing, {
    counter,
    wallMs,
    keysetVersion: keys.keysetVersion,
    sha256: (bytes) => crypto.sha256(bytes),
    epochOf: (slot, sequence) => epochOf(slot, sequence, tools),
  });
  tools.progress(`beacon ${counter}`);
  await publishSigned('beacon', topics.beacon(), encodeBeacon(beacon), tools);
  return beacon;
}

/** What is decided is on disk before it is sent: a command that dies in between is carried through by the next. */
async function publishSigned(
  type: 'policy' | 'beacon',
  topic: string,
  payload: Uint8Array,
  { client, keys }: PublishTools,
): Promise<Uint8Array> {
  const bytes = seal(type, payload, keys);
  keys.published.write(topic, bytes);
  await client.publish(topic, bytes);
  return bytes;
}

function seal(type: 'policy' | 'beacon', payload: Uint8Array, { key }: KeyFolder): Uint8Array {
  return sealSign1(type, key.kid, payload, (bytes) => key.sign(bytes));
}
