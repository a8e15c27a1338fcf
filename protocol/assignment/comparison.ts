import { sameBytes } from '../bytes.js';
import type { Policy } from '../documents/policy.js';
import type { ReleaseRef } from '../documents/release-ref.js';
import type { Aside } from '../messages/evidence.js';
import { bucket, experimentName } from './bucket.js';
import type { PairProgress } from './switchback.js';
import { murmur3 } from './murmur3.js';

/** What tells one comparison from any other: evidence belongs to exactly one. */
export interface ComparisonName {
  readonly champion: ReleaseRef;
  readonly challenger: ReleaseRef;
  /** That of the rollout's arms, eight bytes. */
  readonly salt: Uint8Array;
}

/** What a device knows of itself in the comparison that a policy asks for. */
export interface Standing {
  /** Its own evidence says that it is certainly worse off. */
  readonly named: boolean;
  /** Blocks that it has closed in the shadow. */
  readonly blocks: number;
  /** How far it has come where the two answer in turns. */
  readonly turns: PairProgress;
}

/** A device that knows nothing of a comparison. */
export const noStanding: Standing = {
  named: false,
  blocks: 0,
  turns: { pairs: 0, windows: 0 },
};

/**
 * The comparison that a policy asks for: its champion with the release of the first arm that is only compared, or, where it
 * has promoted the challenger already, what goes before it. Undefined where it asks for none that devices keep evidence of.
 */
export function comparisonOf(policy: Policy): ComparisonName | undefined {
  const { champion, arms, evidence, fallback } = policy;
  if (evidence === undefined) return undefined;
  if (fallback !== undefined) {
    return { champion: fallback.release, challenger: champion, salt: fallback.salt };
  }
  const compared = arms.find(
    ({ shadow, release }) =>
      shadow !== undefined && !sameBytes(release.manifest, champion.manifest),
  );
  return compared && { champion, challenger: compared.release, salt: compared.salt };
}

/** Why a device stays with the champion by itself, where blocks are asked for; undefined where it does not. */
export function asideOf(
  { named, blocks }: Pick<Standing, 'named' | 'blocks'>,
  minBlocks: number,
): Aside | undefined {
  if (named) return 'named';
  return blocks < minBlocks ? 'too-few-blocks' : undefined;
}

/** Whether a device is held out of a promotion by its lots; independent of those of the ramp. */
export function isHeldOut(salt: Uint8Array, deviceId: string, holdout: number): boolean {
  return bucket(`${experimentName(salt)}/holdout`, deviceId) < holdout;
}

/** Whether a window is among those that are compared, where only a share of them is; however small it is. */
export function isDrawn(salt: Uint8Array, window: string, share: number): boolean {
  const lot = murmur3(new TextEncoder().encode(`${experimentName(salt)}/window:${window}`));
  return lot < share * 2 ** 32;
}

export function sameComparison(a: ComparisonName, b: ComparisonName): boolean {
  return (
    sameBytes(a.salt, b.salt) &&
    sameBytes(a.champion.manifest, b.champion.manifest) &&
    sameBytes(a.challenger.manifest, b.challenger.manifest)
  );
}
