import { sameBytes } from '../../protocol/bytes.js';
import { sealSign1 } from '../../protocol/cose/sign1.js';
import { encodeBeacon, type Beacon, type SlotBeacon } from '../../protocol/documents/beacon.js';
import { encodePolicy, type Policy } from '../../protocol/documents/policy.js';
import type { ReleaseRef } from '../../protocol/documents/release-ref.js';
import type { Topics } from '../../protocol/topics.js';
import type { Crypto } from '../../agent/ports/crypto.js';
import type { Exclusively } from '../keys/folder-turn.js';
import type { KeyFolder } from '../keys/key-folder.js';
import type { BrokerClient } from './broker-client.js';
import { readPublishedState } from './published-state.js';

/** What it takes to sign and publish documents. */
export interface PublishTools {
  readonly client: BrokerClient;
  readonly topics: Topics;
  readonly keys: KeyFolder;
  /** Keeps others who publish with the same keys waiting. */
  readonly exclusively: Exclusively;
  readonly crypto: Crypto;
  readonly wallMs: number;
  /** Bytes for salts. */
  readonly randomBytes: (length: number) => Uint8Array;
  /** Called with what was published so far. */
  readonly progress: (message: string) => void;
}

/** The numbers under which a policy was published. */
export interface PolicyPublication {
  readonly policyVersion: number;
  readonly beaconCounter: number;
}

/** A beacon is believed for a month; publishing anything renews it. */
const beaconLifeS = 30 * 86_400;

/**
 * Signs and publishes the next policy of a slot, then the beacon that says so. Versions and counters go on
 * from what the key folder has used and from what the broker retains. The beacon lists the other slots too,
 * which others may be publishing at the same time: so they take turns. Throws `keys-busy`.
 */
export function publishPolicy(
  content: Omit<Policy, 'version'>,
  tools: PublishTools,
): Promise<PolicyPublication> {
  return tools.exclusively(() => publishNext(content, tools));
}

async function publishNext(
  content: Omit<Policy, 'version'>,
  tools: PublishTools,
): Promise<PolicyPublication> {
  const { client, topics, keys, crypto, wallMs, progress } = tools;
  const { slot } = content;
  const before = await readPublishedState(slot, tools);
  const policyVersion = keys.nextNumber('policy', slot, (before.policy?.version ?? 0) + 1);
  const policy = seal('policy', encodePolicy({ ...content, version: policyVersion }), keys);
  progress(`policy ${policyVersion} of ${slot}`);
  await client.publish(topics.policy(slot), policy);
  const slots = new Map<string, SlotBeacon>(before.beacon?.slots);
  slots.set(slot, {
    policyVersion,
    policy: crypto.sha256(policy),
    releases: releasesOf(content),
    epochFloor: slots.get(slot)?.epochFloor ?? 0,
  });
  const beaconCounter = keys.nextNumber('beacon', 'all', (before.beacon?.counter ?? 0) + 1);
  const issued = Math.floor(wallMs / 1000);
  const beacon: Beacon = {
    counter: beaconCounter,
    issued,
    expires: issued + beaconLifeS,
    keysetVersion: keys.keysetVersion,
    slots,
  };
  progress(`beacon ${beaconCounter}`);
  await client.publish(topics.beacon(), seal('beacon', encodeBeacon(beacon), keys));
  return { policyVersion, beaconCounter };
}

/** Each release that a policy names, once. */
function releasesOf({ champion, arms }: Pick<Policy, 'champion' | 'arms'>): readonly ReleaseRef[] {
  const named = [champion, ...arms.map(({ release }) => release)];
  return named.filter(
    (each, i) => named.findIndex((first) => sameBytes(first.manifest, each.manifest)) === i,
  );
}

function seal(type: 'policy' | 'beacon', payload: Uint8Array, { key }: KeyFolder): Uint8Array {
  return sealSign1(type, key.kid, payload, (bytes) => key.sign(bytes));
}
