import type { TrialTerms } from '../../../protocol/documents/policy.js';

/**
 * What a device must know after power loss, in one small record: which releases it has, how far a trial
 * has come, and the bounds that never fall. Everything else can be read again from the broker.
 */
export interface DeviceRecord {
  /**
   * The number of this start; raised before anything else at each start. After `state-lost` it goes on from a random
   * number below 2^48, so that no label from before matches.
   */
  readonly boot: number;
  /** The highest version of the keyset that was accepted. */
  readonly keysetVersion: number;
  /** The newest beacon that was accepted. */
  readonly beacon: StoredBeacon | undefined;
  /** The latest time that a verified document has proved, in milliseconds since the epoch; only rises, 0 at first. */
  readonly timeFloorMs: number;
  readonly slots: ReadonlyMap<string, SlotRecord>;
}

/** What is kept of a beacon. */
export interface StoredBeacon {
  readonly counter: number;
  /** Seconds since the epoch; 0 where a record of format 1 knew the counter only. */
  readonly issued: number;
  readonly expires: number;
  /** The keyset that it names as current; 0 where it is not known. */
  readonly keysetVersion: number;
}

/** The releases and floors of one slot. */
export interface SlotRecord {
  /** The committed release: the champion. */
  readonly current: StoredRelease | undefined;
  /** What was committed before it, kept on disk until a signed policy promotes the current one. */
  readonly previous: StoredRelease | undefined;
  readonly candidate: StoredCandidate | undefined;
  /** No release below it may be installed; rises when a signed policy promotes, never falls. */
  readonly sequenceFloor: number;
  /** No release of an older security epoch may run; never falls. */
  readonly epochFloor: number;
  /** The highest version of the slot's policy that was accepted. */
  readonly policyVersion: number;
  /** The signed policy that was accepted at that version; undefined where format 1 did not keep it. */
  readonly policyDigest: string | undefined;
  /** The policy of the slot that the newest beacon names. */
  readonly namedPolicy: NamedPolicy | undefined;
  /** Manifests that this device has refused for good, the latest last: not tried again. */
  readonly rejected: readonly string[];
}

/** What the beacon says of a slot that no later document can take back. */
export interface Floors {
  /** No release below it may be offered; 0 for none. */
  readonly promotedFloor: number;
  /** No release of an older security epoch may be offered. */
  readonly epochFloor: number;
}

/** A policy as a beacon names it. */
export interface NamedPolicy {
  readonly version: number;
  /** SHA-256 of the signed policy as it was carried, in hexadecimal. */
  readonly digest: string;
}

/** A release whose manifest and images are on disk. */
export interface StoredRelease {
  readonly sequence: number;
  /** SHA-256 of the signed manifest as it was carried, in hexadecimal: the name of its file. */
  readonly manifest: string;
}

/** A release that is whole on disk and not committed yet. */
export interface StoredCandidate extends StoredRelease {
  readonly phase: CandidatePhase;
  /** How often its models were loaded since they last proved themselves; counted before they are loaded. */
  readonly attempts: number;
  /** Powered time in trial, over all starts. */
  readonly soakMs: number;
  /** Good inferences in trial, over all starts. */
  readonly inferences: number;
  /** What the policy demands of the trial: known at the next start, without any network. */
  readonly terms: TrialTerms;
}

/** How far a candidate had come when the record was written; carried as its index. */
export const candidatePhases = ['staged', 'trial', 'verified', 'shadow'] as const;
export type CandidatePhase = (typeof candidatePhases)[number];

/** A device that has never run. */
export const emptyRecord: DeviceRecord = {
  boot: 0,
  keysetVersion: 0,
  beacon: undefined,
  timeFloorMs: 0,
  slots: new Map(),
};

/** A slot that has never held anything. */
export const emptySlot: SlotRecord = {
  current: undefined,
  previous: undefined,
  candidate: undefined,
  sequenceFloor: 0,
  epochFloor: 0,
  policyVersion: 0,
  policyDigest: undefined,
  namedPolicy: undefined,
  rejected: [],
};

/** The record of a slot, empty where there is none yet. */
export function slotOf(record: DeviceRecord, slot: string): SlotRecord {
  return record.slots.get(slot) ?? emptySlot;
}

/** The same record with one slot changed. */
export function withSlot(
  record: DeviceRecord,
  slot: string,
  change: Partial<SlotRecord>,
): DeviceRecord {
  const slots = new Map(record.slots);
  slots.set(slot, { ...slotOf(record, slot), ...change });
  return { ...record, slots };
}

/**
 * The same record without the releases of a slot. Its floors, its policy's version and what it has refused stay: if the
 * slot comes back, nobody can make it take an old policy or an old release again.
 */
export function withoutReleases(record: DeviceRecord, slot: string): DeviceRecord {
  return withSlot(record, slot, { current: undefined, previous: undefined, candidate: undefined });
}

/** How many refused manifests a slot remembers. */
const rejectedLimit = 32;

/** The slot's list of refused manifests with one more. */
export function withRejected(slot: SlotRecord, manifest: string): readonly string[] {
  return [...slot.rejected.filter((known) => known !== manifest), manifest].slice(-rejectedLimit);
}
