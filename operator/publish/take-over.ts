import { sameBytes } from '../../protocol/bytes.js';
import type { SlotBeacon } from '../../protocol/documents/beacon.js';
import { parseManifest } from '../../protocol/documents/manifest.js';
import type { Policy } from '../../protocol/documents/policy.js';
import { lowestOf } from './next-beacon.js';
import { readOwnDocument, type Published } from './own-document.js';
import type { PublishTools } from './publish-tools.js';
import { epochOf, type Standing } from './standing.js';

/**
 * What stands after a person has said that what the broker shows may be gone on with. Numbers are not decided here.
 *
 * - A slot that the key folder knows keeps what the folder knows: a newer policy lends only its number, for the key that
 *   signed it may be stolen.
 * - A slot that it does not know is adopted where the newer beacon names exactly the policy that is shown, so that two
 *   roles have signed it.
 * - Floors of the newer beacon are adopted as far as they leave what is current in the slot room to run.
 *
 * All that is adopted is said, one line each.
 */
export async function takeOver(
  kept: Standing,
  shown: Standing,
  tools: PublishTools,
): Promise<Standing> {
  const policies = new Map(kept.policies);
  const slots = new Map<string, SlotBeacon>(kept.beacon?.content.slots);
  for (const [slot, named] of shown.beacon?.content.slots ?? []) {
    const policy = kept.policies.get(slot) ?? (await adoptSlot(slot, named, shown, tools));
    if (policy === undefined) continue;
    policies.set(slot, policy);
    const before = slots.get(slot);
    const { epochFloor, promotedFloor } = named;
    const room = {
      epochFloor: epochOf(slot, policy.content.champion.sequence, tools),
      promotedFloor: lowestOf(policy.content),
    };
    slots.set(slot, {
      ...named,
      epochFloor: Math.max(before?.epochFloor ?? 0, Math.min(epochFloor, room.epochFloor)),
      promotedFloor: Math.max(
        before?.promotedFloor ?? 0,
        Math.min(promotedFloor, room.promotedFloor),
      ),
    });
  }
  const base = kept.beacon ?? shown.beacon;
  return { policies, beacon: base && { ...base, content: { ...base.content, slots } } };
}

async function adoptSlot(
  slot: string,
  named: SlotBeacon,
  shown: Standing,
  tools: PublishTools,
): Promise<Published<Policy> | undefined> {
  const { crypto, keys, topics, client, notice } = tools;
  const policy = shown.policies.get(slot);
  if (policy === undefined || !sameBytes(crypto.sha256(policy.bytes), named.policy)) {
    notice(`not taken over: slot ${slot}, whose policy is not the one that the beacon names`);
    return undefined;
  }
  const { version, champion, arms } = policy.content;
  const topic = topics.manifest(slot, champion.sequence);
  const manifest = await client.readRetained(topic, true);
  if (
    manifest !== undefined &&
    sameBytes(crypto.sha256(manifest), champion.manifest) &&
    readOwnDocument('manifest', manifest, parseManifest, tools) !== undefined
  ) {
    keys.published.write(topic, manifest);
  }
  keys.published.write(topics.policy(slot), policy.bytes);
  const releases = arms.map(({ release }) => release.sequence).join(', ');
  notice(
    `taken over: policy ${version} of ${slot}, with champion ${champion.sequence} and ${releases === '' ? 'no arms' : `arms of ${releases}`}`,
  );
  return policy;
}
