import { shortestTrial, type TrialTerms, everyone } from '../../protocol/documents/policy.js';
import { sameBytes, toHex } from '../../protocol/bytes.js';
import { CodedError } from '../../protocol/coded-error.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { splitBlocks } from '../release/split-blocks.js';
import { isKeyset } from '../release/verify-release.js';
import { publishPolicy, type PolicyPublication } from './publish-policy.js';
import { requireRoles, type PublishTools } from './publish-tools.js';
import { keepArtifacts } from './kept-artifacts.js';
import { checkNews } from './reconcile.js';

/** What was published. */
export interface Publication extends PolicyPublication {
  readonly slot: string;
  readonly sequence: number;
  readonly blocks: number;
}

/**
 * Publishes a release to everyone: keyset, blocks, manifest, a policy with one arm, beacon. In this order,
 * each acknowledged before the next, so that a device never reads a document that names something
 * which is not there yet. Throws `keyset-foreign`, `key-role-mismatch` and `published-elsewhere` before anything is sent.
 *
 * @param trial what the release must show on a device before it is committed there
 */
export async function publishRelease(
  release: ReleaseFile,
  tools: PublishTools,
  trial: TrialTerms = shortestTrial,
): Promise<Publication> {
  const { slot, sequence } = release.manifest;
  await tools.exclusively(() => checkNews([slot], tools));
  const blocks = await publishContent(release, tools);
  const reference = { sequence, manifest: tools.crypto.sha256(release.envelope) };
  const published = await publishPolicy(
    {
      slot,
      champion: reference,
      arms: [
        { name: 'everyone', release: reference, exposure: everyone, salt: tools.randomBytes(8) },
      ],
      promoted: undefined,
      trial,
      gate: undefined,
    },
    tools,
  );
  return { slot, sequence, blocks, ...published };
}

/** Publishes all that a policy may name: keyset, blocks and manifest of a release. Gives the number of blocks. */
export async function publishContent(release: ReleaseFile, tools: PublishTools): Promise<number> {
  const { client, topics, keys, progress } = tools;
  const { slot, sequence } = release.manifest;
  requireRoles(tools, slot);
  await checkKeyset(tools);
  progress('keyset');
  await client.publish(topics.keyset(keys.keysetVersion), keys.keyset);
  const blocks = await publishBlocks(release, tools);
  progress(`manifest ${sequence} of ${slot}`);
  const topic = topics.manifest(slot, sequence);
  keepArtifacts(release, tools);
  keys.published.write(topic, release.envelope);
  await client.publish(topic, release.envelope);
  return blocks;
}

/**
 * Puts back what the broker has lost of a release, or has got wrong: its blocks and its manifest. Signs nothing, and
 * changes nothing of what is desired. Gives the number of blocks. Throws `keyset-foreign`.
 */
export async function repairRelease(release: ReleaseFile, tools: PublishTools): Promise<number> {
  const { client, topics, progress } = tools;
  const { slot, sequence } = release.manifest;
  await checkKeyset(tools);
  const blocks = await publishBlocks(release, tools);
  progress(`manifest ${sequence} of ${slot}`);
  await client.publish(topics.manifest(slot, sequence), release.envelope);
  return blocks;
}

/**
 * Nothing is sent where devices trust somebody else: their keyset would be overwritten. What is no keyset at all is in
 * nobody's way.
 */
async function checkKeyset({ client, topics, keys, crypto, notice }: PublishTools): Promise<void> {
  const retained = await client.readRetained(topics.keyset(keys.keysetVersion));
  if (retained === undefined || sameBytes(retained, keys.keyset)) return;
  if (!isKeyset(retained, crypto)) {
    notice(
      `the broker showed no keyset on ${topics.keyset(keys.keysetVersion)}: it is published again`,
    );
    return;
  }
  throw new CodedError(
    'keyset-foreign',
    `keyset ${keys.keysetVersion} of the broker is not the one of these keys`,
  );
}

/** Publishes the blocks of all artifacts that travel over MQTT; gives their number. */
async function publishBlocks(
  { manifest, artifacts }: ReleaseFile,
  { client, topics, progress }: PublishTools,
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
