import {
  fewestBlocksToName,
  namedAt,
  type NamingTerms,
} from '../../protocol/statistics/harmed-device.js';
import type { DeviceEvidence, EvidenceBlock, VerdictTerms } from './evidence.js';
import type { NamedDevice } from './judgement.js';

/** Whether a device's own blocks name it, or did before, by the formula that the device uses on itself. */
export function nameDevice(
  { id, named }: DeviceEvidence,
  blocks: readonly EvidenceBlock[],
  terms: NamingTerms,
): NamedDevice | undefined {
  const block = named ?? namedAt(blocks, terms);
  return block === undefined ? undefined : { id, block, loss: lossOf(blocks) };
}

/** The terms as the signed policy says them to the devices. */
export function namingTerms(terms: VerdictTerms, present: number): NamingTerms {
  const { alpha, deviceMargin, devices = Math.max(1, present) } = terms;
  return { devices, alpha, deviceMargin };
}

/** Whether no device has closed as many blocks as naming takes at the least. */
export function isTooEarlyToName(mostBlocks: number, terms: NamingTerms): boolean {
  return mostBlocks < fewestBlocksToName(terms);
}

function lossOf(blocks: readonly EvidenceBlock[]): number {
  let [lost, windows] = [0, 0];
  for (const block of blocks) {
    lost += block.onlyChampionRight - block.onlyChallengerRight - block.unlabelled;
    windows += block.windows;
  }
  return windows === 0 ? 0 : lost / windows;
}
