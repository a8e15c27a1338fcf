import { sameBytes } from '../../protocol/bytes.js';
import type { Beacon, SlotBeacon } from '../../protocol/documents/beacon.js';
import type { Policy } from '../../protocol/documents/policy.js';
import type { ReleaseRef } from '../../protocol/documents/release-ref.js';
import type { Standing } from './standing.js';

/** A beacon is believed for a month; publishing anything renews it. */
const lifeS = 30 * 86_400;

/** What the next beacon takes from elsewhere. */
export interface BeaconFacts {
  readonly counter: number;
  readonly keysetVersion: number;
  readonly wallMs: number;
  readonly sha256: (bytes: Uint8Array) => Uint8Array;
  /** The security epoch of a release; 0 where it is not known. */
  readonly epochOf: (slot: string, sequence: number) => number;
}

/** The beacon that says what stands. Floors only rise. */
export function nextBeacon({ beacon, policies }: Standing, facts: BeaconFacts): Beacon {
  const slots = new Map<string, SlotBeacon>(beacon?.content.slots);
  for (const [slot, { content, bytes }] of policies) {
    const before = slots.get(slot);
    const promoted = promotedBy(content);
    const epoch = promoted > 0 ? facts.epochOf(slot, promoted) : 0;
    slots.set(slot, {
      policyVersion: content.version,
      policy: facts.sha256(bytes),
      releases: releasesOf(content),
      epochFloor: Math.max(before?.epochFloor ?? 0, epoch),
      promotedFloor: Math.max(before?.promotedFloor ?? 0, promoted),
    });
  }
  const issued = Math.floor(facts.wallMs / 1000);
  const { counter, keysetVersion } = facts;
  return { counter, issued, expires: issued + lifeS, keysetVersion, slots };
}

/** Whether half of a beacon's validity is over, so that it is time for the next one. */
export function isRenewalDue({ issued, expires }: Beacon, wallMs: number): boolean {
  return wallMs / 1000 >= (issued + expires) / 2;
}

/** The sequence number of the oldest release that a policy names. */
export function lowestOf({ champion, arms }: Policy): number {
  return Math.min(champion.sequence, ...arms.map(({ release }) => release.sequence));
}

/** The floor of a policy that makes its champion current for good, else 0. What it names besides may still run. */
function promotedBy(policy: Policy): number {
  return policy.promoted === policy.champion.sequence ? lowestOf(policy) : 0;
}

/** Each release that a policy names, once. */
function releasesOf({ champion, arms }: Policy): readonly ReleaseRef[] {
  const named = [champion, ...arms.map(({ release }) => release)];
  return named.filter(
    (each, i) => named.findIndex((first) => sameBytes(first.manifest, each.manifest)) === i,
  );
}
