import { toHex } from '../../../protocol/bytes.js';
import { assign } from '../../../protocol/assignment/assign.js';
import { comparisonOf, type Standing } from '../../../protocol/assignment/comparison.js';
import type { Policy, ShadowTerms, TrialTerms } from '../../../protocol/documents/policy.js';
import type { ReleaseRef } from '../../../protocol/documents/release-ref.js';
import type { WantedComparison } from '../experiment/evidence-keeper.js';
import type { StoredRelease } from '../state/record.js';

/** What a signed policy wants of a slot of this device. */
export interface Desire {
  /** What is to answer. */
  readonly release: StoredRelease;
  readonly trial: TrialTerms;
  /** What is to be compared with it, in the shadow. */
  readonly challenger: { readonly release: StoredRelease; readonly terms: ShadowTerms } | undefined;
  /** The sequence number of the release that is current for good, where that is what is to answer here. */
  readonly promoted: number | undefined;
  /** Whether the device stays by itself with what went before a promoted release: its floor stays as it is. */
  readonly staysBehind: boolean;
  /** What is to be found out by it. */
  readonly comparison: WantedComparison | undefined;
}

/** What a policy wants of a device that knows this of itself. */
export function desireOf(policy: Policy, deviceId: string, standing: Standing): Desire {
  const { release, shadow, aside, turn } = assign(policy, deviceId, standing);
  const name = comparisonOf(policy);
  return {
    release: storedRelease(release),
    trial: policy.trial,
    challenger: shadow?.shadow && {
      release: storedRelease(shadow.release),
      terms: shadow.shadow,
    },
    // Whoever stays aside keeps its way back, and its floor.
    promoted: aside === undefined ? policy.promoted : undefined,
    staysBehind: aside !== undefined && policy.fallback !== undefined,
    comparison: name &&
      policy.evidence && {
        name,
        terms: policy.evidence,
        policy: policy.version,
        aside,
        takesTurns: turn !== undefined,
        shadow: shadow?.shadow,
      },
  };
}

export function storedRelease({ sequence, manifest }: ReleaseRef): StoredRelease {
  return { sequence, manifest: toHex(manifest) };
}
