import { bucket, experimentName } from '../../protocol/assignment/bucket.js';
import { fromHex } from '../../protocol/bytes.js';
import { everyone } from '../../protocol/documents/policy.js';

/** A step that serves fewer decides nothing about the others. */
const fewestServed = 3;

/**
 * The exposures that a rollout really has: raised so that each step serves three devices at least, by their lots, and without
 * steps that then serve nobody new. The last one is everyone.
 *
 * @param planned shares in 1/10000, rising
 */
export function exposuresOf(
  planned: readonly number[],
  salt: string,
  deviceIds: readonly string[],
): readonly number[] {
  const name = `${experimentName(fromHex(salt))}/exposure`;
  const lots = deviceIds.map((deviceId) => bucket(name, deviceId)).sort((a, b) => a - b);
  const third = lots[Math.min(fewestServed, lots.length) - 1];
  const least = third === undefined ? everyone : third + 1;
  const raised = planned.map((exposure) => Math.max(exposure, least));
  return [...new Set(raised)];
}
