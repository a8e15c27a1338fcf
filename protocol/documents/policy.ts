import { encodeCbor } from '../cbor/encode.js';
import { Fields, parseFields } from '../cbor/fields.js';
import type { CborValue } from '../cbor/value.js';
import { limits } from '../limits.js';
import type { Result } from '../result.js';
import { slotPattern } from '../topics.js';
import { parseReleaseRef, releaseRefValue, type ReleaseRef } from './release-ref.js';

/** Who runs which release of one slot. A device installs only what the current policy names. */
export interface Policy {
  /** Only rises. */
  readonly version: number;
  readonly slot: string;
  /** What a device in no arm runs. */
  readonly champion: ReleaseRef;
  readonly arms: readonly Arm[];
  /** The sequence number of the release that is current for good; nothing older comes back. */
  readonly promoted: number | undefined;
  /** What a release must show on a device before it is committed there. */
  readonly trial: TrialTerms;
  readonly gate: Gate | undefined;
  /** What a device needs to know to judge its own evidence; absent where nothing is compared. */
  readonly evidence?: EvidenceTerms | undefined;
  /** What devices run that stay aside by themselves, where a policy promotes; absent: nobody may. */
  readonly fallback?: Fallback | undefined;
}

/** By what a device names itself as worse off (evidence rules, 3.1), and how it counts. */
export interface EvidenceTerms {
  /** Devices of the rollout, fixed at its start. */
  readonly devices: number;
  /** The chance of each wrong verdict that is tolerated, in 1/1000. */
  readonly alphaPermille: number;
  /** A device that loses less than this is never named, in 1/1000 of its windows. */
  readonly deviceMarginPermille: number;
  /** Compared windows of a block. */
  readonly blockWindows: number;
  /** Windows of a turn, where those that are served let the two answer in turns; absent: they compare the same windows. */
  readonly turnWindows?: number | undefined;
}

/**
 * The release before the promoted one, for devices that are named by their own evidence, have compared too little, or are
 * held out by lot. There the sequence floor and the previous release stay as they are.
 */
export interface Fallback {
  readonly release: ReleaseRef;
  /** That of the rollout: lots and evidence are found by it. */
  readonly salt: Uint8Array;
  /** A device with fewer closed blocks stays. */
  readonly minBlocks: number;
  /** The share of the fleet that is held out, in 1/10000. */
  readonly holdout: number;
}

/** A part of the fleet that runs one release. */
export interface Arm {
  readonly name: string;
  readonly release: ReleaseRef;
  /** The share of the fleet, in 1/10000. */
  readonly exposure: number;
  /** Makes the assignment independent of that of other experiments. */
  readonly salt: Uint8Array;
  /** Where its release is only compared with the champion; where absent, it answers. */
  readonly shadow?: ShadowTerms | undefined;
  /** A device that has closed fewer blocks in the shadow is in no such arm; 0 where absent. */
  readonly minBlocks?: number | undefined;
}

/** What the operator's controller decides by, signed so that nobody can say later that it was another one. */
export interface Gate {
  /** A device is harmed where the challenger is wrong on so many more of its windows, in 1/1000. */
  readonly marginPermille: number;
  /** Harm is certain where more of the devices are harmed, in 1/1000 ... */
  readonly harmPermille: number;
  /** ... and safety where less are. */
  readonly safePermille: number;
  /** The chance of each wrong verdict that is put up with, in 1/1000. */
  readonly alphaPermille: number;
}

/** What a release must show on live traffic before it is committed. */
export interface TrialTerms {
  /** Powered time that it must serve. */
  readonly soakMs: number;
  /** Windows that it must answer. */
  readonly inferences: number;
}

/** Where a policy names no terms: the first good inference after the self-test is enough. */
export const shortestTrial: TrialTerms = { soakMs: 0, inferences: 1 };

/** How a challenger is compared with the champion on the same windows; named by the policy. */
export interface ShadowTerms {
  /** Windows that both must have answered. */
  readonly windows: number;
  /** The share of wall time that the challenger may compute, in 1/1000. */
  readonly budgetPermille: number;
  /** The time over which so many windows are drawn by lot; where absent, they are the next ones in a row. */
  readonly overMs?: number | undefined;
}

/** An exposure of everyone. */
export const everyone = 10_000;

/** Reads a policy from a payload whose signature holds. */
export function parsePolicy(payload: Uint8Array): Result<Policy> {
  return parseFields(payload, 'policy', (fields) => {
    fields.integer(0, [1, 1]);
    return {
      version: fields.integer(1, [1, Number.MAX_SAFE_INTEGER]),
      slot: fields.text(2, [1, 32], slotPattern),
      champion: fields.value(3, parseReleaseRef),
      arms: fields.list(4, [0, limits.arms], parseArm),
      promoted: fields.optional(5, () => fields.integer(5, [1, Number.MAX_SAFE_INTEGER])),
      trial: fields.optional(6, () => fields.map(6, parseTrial)) ?? shortestTrial,
      gate: fields.optional(7, () => fields.map(7, parseGate)),
      evidence: fields.optional(8, () => fields.map(8, parseEvidenceTerms)),
      fallback: fields.optional(9, () => fields.map(9, parseFallback)),
    };
  });
}

/** The payload of a policy, in deterministic CBOR. */
export function encodePolicy(policy: Policy): Uint8Array {
  const fields = new Map<number, CborValue>([
    [0, 1],
    [1, policy.version],
    [2, policy.slot],
    [3, releaseRefValue(policy.champion)],
    [4, policy.arms.map(armValue)],
  ]);
  if (policy.promoted !== undefined) fields.set(5, policy.promoted);
  const { soakMs, inferences } = policy.trial;
  if (soakMs !== shortestTrial.soakMs || inferences !== shortestTrial.inferences) {
    fields.set(
      6,
      new Map([
        [1, soakMs],
        [2, inferences],
      ]),
    );
  }
  if (policy.gate !== undefined) fields.set(7, gateValue(policy.gate));
  if (policy.evidence !== undefined) fields.set(8, evidenceTermsValue(policy.evidence));
  if (policy.fallback !== undefined) fields.set(9, fallbackValue(policy.fallback));
  return encodeCbor(fields);
}

function armValue({ name, release, exposure, salt, shadow, minBlocks = 0 }: Arm): CborValue {
  const fields = new Map<number, CborValue>([
    [1, name],
    [2, releaseRefValue(release)],
    [3, exposure],
    [4, salt],
  ]);
  if (shadow !== undefined) fields.set(5, shadowValue(shadow));
  if (minBlocks > 0) fields.set(6, minBlocks);
  return fields;
}

function shadowValue({ windows, budgetPermille, overMs }: ShadowTerms): CborValue {
  const fields = new Map<number, CborValue>([
    [1, windows],
    [2, budgetPermille],
  ]);
  return overMs === undefined ? fields : fields.set(3, overMs);
}

function evidenceTermsValue(terms: EvidenceTerms): CborValue {
  const fields = new Map([
    [1, terms.devices],
    [2, terms.alphaPermille],
    [3, terms.deviceMarginPermille],
    [4, terms.blockWindows],
  ]);
  return terms.turnWindows === undefined ? fields : fields.set(5, terms.turnWindows);
}

function fallbackValue({ release, salt, minBlocks, holdout }: Fallback): CborValue {
  return new Map<number, CborValue>([
    [1, releaseRefValue(release)],
    [2, salt],
    [3, minBlocks],
    [4, holdout],
  ]);
}

function gateValue(gate: Gate): CborValue {
  return new Map([
    [1, gate.marginPermille],
    [2, gate.harmPermille],
    [3, gate.safePermille],
    [4, gate.alphaPermille],
  ]);
}

function parseGate(fields: Fields): Gate {
  return {
    marginPermille: fields.integer(1, [0, 1000]),
    harmPermille: fields.integer(2, [1, 999]),
    safePermille: fields.integer(3, [1, 999]),
    alphaPermille: fields.integer(4, [1, 500]),
  };
}

function parseShadow(fields: Fields): ShadowTerms {
  return {
    windows: fields.integer(1, [1, limits.shadowWindows]),
    budgetPermille: fields.integer(2, [1, 1000]),
    overMs: fields.optional(3, () => fields.integer(3, [1, limits.soakMs])),
  };
}

function parseEvidenceTerms(fields: Fields): EvidenceTerms {
  return {
    devices: fields.integer(1, [1, limits.rolloutDevices]),
    alphaPermille: fields.integer(2, [1, 500]),
    deviceMarginPermille: fields.integer(3, [0, 1000]),
    blockWindows: fields.integer(4, [1, 1000]),
    turnWindows: fields.optional(5, () => fields.integer(5, [1, limits.turnWindows])),
  };
}

function parseFallback(fields: Fields): Fallback {
  return {
    release: fields.value(1, parseReleaseRef),
    salt: fields.bytes(2, [8, 8]),
    minBlocks: fields.integer(3, [0, limits.evidenceBlocks]),
    holdout: fields.integer(4, [0, everyone]),
  };
}

function parseTrial(fields: Fields): TrialTerms {
  return {
    soakMs: fields.integer(1, [0, limits.soakMs]),
    inferences: fields.integer(2, [1, limits.trialInferences]),
  };
}

function parseArm(value: CborValue, path: string): Arm {
  return Fields.read(value, path, (fields) => ({
    name: fields.text(1, [1, 64]),
    release: fields.value(2, parseReleaseRef),
    exposure: fields.integer(3, [0, everyone]),
    salt: fields.bytes(4, [8, 8]),
    shadow: fields.optional(5, () => fields.map(5, parseShadow)),
    minBlocks: fields.optional(6, () => fields.integer(6, [1, limits.evidenceBlocks])),
  }));
}
