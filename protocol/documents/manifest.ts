import { sameBytes } from '../bytes.js';
import { encodeCbor } from '../cbor/encode.js';
import { checkInteger, checkText, parseFields, refuseField, Fields } from '../cbor/fields.js';
import type { CborValue } from '../cbor/value.js';
import { limits } from '../limits.js';
import type { Result } from '../result.js';
import { slotPattern } from '../topics.js';
import { parsePipeline, pipelineValue, type Pipeline } from './pipeline.js';

/** What an artifact is for; carried as its index. */
const artifactRoles = ['model', 'labels', 'reference', 'self-test'] as const;
export type ArtifactRole = (typeof artifactRoles)[number];

/** How the bytes of an artifact travel; carried as its index. */
const transferKinds = ['full', 'delta'] as const;
export type TransferKind = (typeof transferKinds)[number];

/** One release: what it is made of, for whom, how its answers come about, and what it costs. */
export interface Manifest {
  /** Orders the releases of a slot; from 1. */
  readonly sequence: number;
  /** Rises when everything older must never run again. */
  readonly epoch: number;
  readonly slot: string;
  /** Name and version are for people; nothing is decided by them. */
  readonly name: string;
  readonly version: string;
  readonly target: Target;
  /** Seconds since the epoch between which the release may be installed. */
  readonly notBefore: number | undefined;
  readonly notAfter: number | undefined;
  readonly minimumAgent: Version | undefined;
  readonly artifacts: readonly Artifact[];
  readonly pipeline: Pipeline;
  readonly budget: Budget;
}

export type Version = readonly [major: number, minor: number, patch: number];

/** The devices that a release is meant for; absent lists do not restrict. */
export interface Target {
  readonly classes: readonly string[] | undefined;
  readonly devices: readonly string[] | undefined;
}

export interface Artifact {
  readonly role: ArtifactRole;
  /** Unique in the release. */
  readonly name: string;
  /** SHA-256 of its bytes. */
  readonly digest: Uint8Array;
  readonly size: number;
  /** Ways to get it, best first. */
  readonly transfers: readonly Transfer[];
}

export interface Transfer {
  readonly kind: TransferKind;
  /** SHA-256 of the transferred bytes, which names the block topics. */
  readonly digest: Uint8Array;
  readonly size: number;
  readonly blockSize: number;
  /** The first 16 bytes of SHA-256 of each block, one after the other. */
  readonly blockHashes: Uint8Array;
  /** Where to fetch it with HTTP Range; MQTT blocks where absent. */
  readonly uri: string | undefined;
}

/** What a release may use, and what its models cost. */
export interface Budget {
  /** The arenas of its models, each with variables and the state of operators, together. */
  readonly arenaBytes: number;
  /** An inference that takes longer has failed. */
  readonly deadlineUs: number;
  /** What an inference took on the machine that built the release. */
  readonly expectedUs: number;
  /** Multiply-accumulates of one inference. */
  readonly macs: number;
}

const anyInteger = [0, Number.MAX_SAFE_INTEGER] as const;
const digest = [32, 32] as const;
const name = [1, 64] as const;
const artifactNamePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Hashes of blocks are truncated: a second preimage still costs 2^128, and the whole digest decides. */
export const blockHashBytes = 16;

/** Reads a manifest from a payload whose signature holds. */
export function parseManifest(payload: Uint8Array): Result<Manifest> {
  return parseFields(payload, 'manifest', (fields) => {
    fields.integer(0, [1, 1]);
    const artifacts = fields.list(10, [1, limits.artifacts], parseArtifact);
    const names = artifacts.map((artifact) => artifact.name);
    if (new Set(names).size < names.length) refuseField('manifest.10', 'names an artifact twice');
    const pipeline = fields.map(11, parsePipeline);
    for (const model of pipeline.models) {
      if (!artifacts.some((each) => each.role === 'model' && each.name === model)) {
        refuseField('manifest.11.3', `names the model ${model}, which is no artifact`);
      }
    }
    return {
      sequence: fields.integer(1, [1, Number.MAX_SAFE_INTEGER]),
      epoch: fields.integer(2, anyInteger),
      slot: fields.text(3, [1, 32], slotPattern),
      name: fields.text(4, [1, limits.textBytes]),
      version: fields.text(5, [0, limits.textBytes]),
      target: fields.map(6, parseTarget),
      notBefore: fields.optional(7, () => fields.integer(7, anyInteger)),
      notAfter: fields.optional(8, () => fields.integer(8, anyInteger)),
      minimumAgent: fields.optional(9, () => parseVersion(fields)),
      artifacts,
      pipeline,
      budget: fields.map(12, parseBudget),
    };
  });
}

/** The payload of a manifest, in deterministic CBOR. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const { target, budget } = manifest;
  const fields = new Map<number, CborValue>([
    [0, 1],
    [1, manifest.sequence],
    [2, manifest.epoch],
    [3, manifest.slot],
    [4, manifest.name],
    [5, manifest.version],
    [6, optionalFields([1, target.classes], [2, target.devices])],
    ...optionalFields([7, manifest.notBefore], [8, manifest.notAfter], [9, manifest.minimumAgent]),
    [10, manifest.artifacts.map(artifactValue)],
    [11, pipelineValue(manifest.pipeline)],
    [
      12,
      new Map([
        [1, budget.arenaBytes],
        [2, budget.deadlineUs],
        [3, budget.expectedUs],
        [4, budget.macs],
      ]),
    ],
  ]);
  return encodeCbor(fields);
}

/**
 * Whether two releases are the same image: the same artifacts in the same pipeline, signed anew. Then the
 * later one can be adopted as it stands. Names, versions, targets and budgets may differ.
 */
export function isSameImage(a: Manifest, b: Manifest): boolean {
  return sameBytes(imageBytes(a), imageBytes(b));
}

function imageBytes({ artifacts, pipeline }: Manifest): Uint8Array {
  const images = artifacts.map(({ role, name: called, digest: bytes }) => [role, called, bytes]);
  return encodeCbor([images, pipelineValue(pipeline)]);
}

/** The fields that are there. */
function optionalFields(
  ...fields: readonly (readonly [key: number, value: CborValue | undefined])[]
): Map<number, CborValue> {
  const present = new Map<number, CborValue>();
  for (const [key, value] of fields) if (value !== undefined) present.set(key, value);
  return present;
}

function parseTarget(fields: Fields): Target {
  const names = (key: number): readonly string[] =>
    fields.list(key, [1, 64], (item, path) => checkText(item, name, undefined, path));
  return {
    classes: fields.optional(1, () => names(1)),
    devices: fields.optional(2, () => names(2)),
  };
}

function parseVersion(fields: Fields): Version {
  const [major = 0, minor = 0, patch = 0] = fields.list(9, [3, 3], (item, path) =>
    checkInteger(item, anyInteger, path),
  );
  return [major, minor, patch];
}

function parseBudget(fields: Fields): Budget {
  return {
    arenaBytes: fields.integer(1, anyInteger),
    deadlineUs: fields.integer(2, [1, 3_600_000_000]),
    expectedUs: fields.integer(3, anyInteger),
    macs: fields.integer(4, anyInteger),
  };
}

function parseArtifact(value: CborValue, path: string): Artifact {
  return Fields.read(value, path, (fields) => {
    const artifact = {
      role: fields.choice(1, artifactRoles),
      name: fields.text(2, name, artifactNamePattern),
      digest: fields.bytes(3, digest),
      size: fields.integer(4, [1, limits.artifactBytes]),
      transfers: fields.list(5, [1, limits.transfers], parseTransfer),
    };
    for (const transfer of artifact.transfers) checkFull(artifact, transfer, path);
    return artifact;
  });
}

/** A full transfer carries the artifact itself. */
function checkFull(artifact: Omit<Artifact, 'transfers'>, transfer: Transfer, path: string): void {
  if (transfer.kind !== 'full') return;
  const same =
    transfer.size === artifact.size &&
    transfer.digest.every((byte, i) => byte === artifact.digest[i]);
  if (!same) refuseField(path, 'has a full transfer of something else');
}

function parseTransfer(value: CborValue, path: string): Transfer {
  return Fields.read(value, path, (fields) => {
    const size = fields.integer(3, [1, limits.artifactBytes]);
    const blockSize = fields.integer(4, [limits.blockBytesLeast, limits.blockBytesMost]);
    const hashes = Math.ceil(size / blockSize) * blockHashBytes;
    return {
      kind: fields.choice(1, transferKinds),
      digest: fields.bytes(2, digest),
      size,
      blockSize,
      blockHashes: fields.bytes(5, [hashes, hashes]),
      uri: fields.optional(6, () => fields.text(6, [1, 1024], /^https:\/\/[^\s]+$/)),
    };
  });
}

function artifactValue(artifact: Artifact): CborValue {
  return new Map<number, CborValue>([
    [1, artifactRoles.indexOf(artifact.role)],
    [2, artifact.name],
    [3, artifact.digest],
    [4, artifact.size],
    [
      5,
      artifact.transfers.map((transfer) => {
        return new Map<number, CborValue>([
          [1, transferKinds.indexOf(transfer.kind)],
          [2, transfer.digest],
          [3, transfer.size],
          [4, transfer.blockSize],
          [5, transfer.blockHashes],
          ...optionalFields([6, transfer.uri]),
        ]);
      }),
    ],
  ]);
}
