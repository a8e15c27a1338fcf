import { sameBytes, toHex } from '../../agent/core/bytes.js';
import { CodedError } from '../../agent/core/coded-error.js';
import { sealSign1 } from '../../agent/core/cose/sign1.js';
import { encodeBeacon, type Beacon, type SlotBeacon } from '../../agent/core/documents/beacon.js';
import { encodePolicy, everyone, type Policy } from '../../agent/core/documents/policy.js';
import type { Topics } from '../../agent/core/topics.js';
import type { Crypto } from '../../agent/ports/crypto.js';
import type { KeyFolder } from '../keys/key-folder.js';
import type { ReleaseFile } from '../release/release-file.js';
import { splitBlocks } from '../release/split-blocks.js';
import { readKeyset } from '../release/verify-release.js';
import type { BrokerClient } from './broker-client.js';
import { readPublishedState } from './published-state.js';

export interface PublishTools {
  readonly client: BrokerClient;
  readonly topics: Topics;
  readonly keys: KeyFolder;
  readonly crypto: Crypto;
  readonly wallMs: number;
  /** Bytes for salts. */
  readonly randomBytes: (length: number) => Uint8Array;
  /** Called with what was published so far. */
  readonly progress: (message: string) => void;
}

/** What was published. */
export interface Publication {
  readonly slot: string;
  readonly sequence: number;
  readonly policyVersion: number;
  readonly beaconCounter: number;
  readonly blocks: number;
}

/** A beacon is believed for a month; publishing anything renews it. */
const beaconLifeS = 30 * 86_400;

/**
 * Publishes a release to everyone: keyset, blocks, manifest, a policy with one arm, beacon. In this order,
 * each acknowledged before the next, so that a device never reads a document that names something
 * which is not there yet. Throws `keyset-foreign` before anything is sent.
 */
export async function publishRelease(
  release: ReleaseFile,
  tools: PublishTools,
): Promise<Publication> {
  const { client, topics, keys, progress } = tools;
  const { slot, sequence } = release.manifest;
  await checkKeyset(tools);
  progress('keyset');
  await client.publish(topics.keyset(keys.keysetVersion), keys.keyset);
  const blocks = await publishBlocks(release, tools);
  progress(`manifest ${sequence} of ${slot}`);
  await client.publish(topics.manifest(slot, sequence), release.envelope);
  const documents = await signDocuments(release, tools);
  progress(`policy ${documents.policyVersion} of ${slot}`);
  await client.publish(topics.policy(slot), documents.policy);
  progress(`beacon ${documents.beaconCounter}`);
  await client.publish(topics.beacon(), documents.beacon);
  const { policyVersion, beaconCounter } = documents;
  return { slot, sequence, policyVersion, beaconCounter, blocks };
}

/** Nothing is sent where devices trust somebody else: their keyset would be overwritten. */
async function checkKeyset({ client, topics, keys }: PublishTools): Promise<void> {
  const retained = await client.readRetained(topics.keyset(keys.keysetVersion));
  if (retained === undefined || sameBytes(retained, keys.keyset)) return;
  throw new CodedError(
    'keyset-foreign',
    `keyset ${keys.keysetVersion} of the broker is not the one of these keys`,
  );
}

/** Publishes the blocks of all artifacts that travel over MQTT; gives their number. */
export async function publishBlocks(
  { manifest, artifacts }: ReleaseFile,
  { client, topics, progress }: Pick<PublishTools, 'client' | 'topics' | 'progress'>,
): Promise<number> {
  let published = 0;
  for (const [i, { name, transfers }] of manifest.artifacts.entries()) {
    const [transfer] = transfers;
    const bytes = artifacts[i];
    if (transfer === undefined || bytes === undefined) continue;
    const blocks = splitBlocks(bytes, transfer.blockSize);
    for (const [n, block] of blocks.entries()) {
      progress(`${name}: block ${n + 1} of ${blocks.length}`);
      await client.publish(topics.block(toHex(transfer.digest), n), block);
      published++;
    }
  }
  return published;
}

/** Policy and beacon that name a release for everyone, continuing what the broker retains. */
async function signDocuments(
  release: ReleaseFile,
  tools: PublishTools,
): Promise<{
  readonly policy: Uint8Array;
  readonly policyVersion: number;
  readonly beacon: Uint8Array;
  readonly beaconCounter: number;
}> {
  const { client, topics, keys, crypto, wallMs } = tools;
  const { slot, sequence } = release.manifest;
  const keyset = readKeyset(keys.keyset);
  const before = await readPublishedState(client, topics, slot, { keyset, crypto, wallMs });
  const reference = { sequence, manifest: crypto.sha256(release.envelope) };
  const policyVersion = keys.nextNumber('policy', slot, (before.policy?.version ?? 0) + 1);
  const policy: Policy = {
    version: policyVersion,
    slot,
    champion: reference,
    arms: [
      { name: 'everyone', release: reference, exposure: everyone, salt: tools.randomBytes(8) },
    ],
    promoted: undefined,
  };
  const signedPolicy = seal('policy', encodePolicy(policy), keys);
  const slots = new Map<string, SlotBeacon>(before.beacon?.slots);
  slots.set(slot, {
    policyVersion,
    policy: crypto.sha256(signedPolicy),
    releases: [reference],
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
  return {
    policy: signedPolicy,
    policyVersion,
    beacon: seal('beacon', encodeBeacon(beacon), keys),
    beaconCounter,
  };
}

function seal(type: 'policy' | 'beacon', payload: Uint8Array, { key }: KeyFolder): Uint8Array {
  return sealSign1(type, key.kid, payload, (bytes) => key.sign(bytes));
}
