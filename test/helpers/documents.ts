import { createHash } from 'node:crypto';
import { encodeCbor } from '../../protocol/cbor/encode.js';
import type { CborMap, CborValue } from '../../protocol/cbor/value.js';
import { expectOk } from '../../protocol/coded-error.js';
import { decodePlainCbor } from '../../protocol/cbor/decode.js';
import type { Disagreements } from '../../protocol/messages/disagreements.js';
import type { Evidence } from '../../protocol/messages/evidence.js';
import type { Beacon } from '../../protocol/documents/beacon.js';
import type { Keyset } from '../../protocol/documents/keyset.js';
import type { Manifest } from '../../protocol/documents/manifest.js';
import type { Policy } from '../../protocol/documents/policy.js';
import type { SelfTest } from '../../protocol/documents/self-test.js';
import { importSigningKey, type SigningKey } from '../../agent/adapters/signing-key.js';

/** A real Ed25519 key that is the same in every run, so that failing examples can be tried again. */
export function fixedKey(seed: number): SigningKey {
  // PKCS#8 (RFC 8410, 7): everything before the 32 bytes of the secret.
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
  const secret = createHash('sha256').update(`tinylamp test key ${seed}`).digest();
  const body = Buffer.concat([prefix, secret]).toString('base64');
  return importSigningKey(`-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`);
}

/** A moment at which all sample documents are valid: 2026-01-01. */
export const sampleWallMs = 1_767_225_600_000;

const sha256 = (text: string): Uint8Array =>
  new Uint8Array(createHash('sha256').update(text).digest());

/** A keyset with every field that a keyset can have. */
export function sampleKeyset(keys: readonly SigningKey[], change: Partial<Keyset> = {}): Keyset {
  return {
    version: 1,
    expires: sampleWallMs / 1000 + 86_400,
    threshold: 1,
    keys: keys.map(({ kid, publicKey }, i) => ({
      kid,
      publicKey,
      roles: ['root', 'manifest', 'policy', 'beacon'],
      slots: i === 0 ? undefined : ['vibration'],
    })),
    revoked: [sha256('a lost key').subarray(0, 8)],
    ...change,
  };
}

/** A manifest with every field that a manifest can have. */
export function sampleManifest(change: Partial<Manifest> = {}): Manifest {
  const full = (
    name: string,
    size: number,
  ): Manifest['artifacts'][number]['transfers'][number] => ({
    kind: 'full',
    digest: sha256(name),
    size,
    blockSize: 4096,
    blockHashes: new Uint8Array(Math.ceil(size / 4096) * 16).fill(7),
    uri: undefined,
  });
  return {
    sequence: 7,
    epoch: 1,
    slot: 'vibration',
    name: 'bearing wear',
    version: '1.4',
    target: { classes: ['pi4'], devices: ['press-7'] },
    notBefore: sampleWallMs / 1000 - 60,
    notAfter: sampleWallMs / 1000 + 60,
    minimumAgent: [0, 1, 0],
    artifacts: [
      {
        role: 'model',
        name: 'model.tflite',
        digest: sha256('model'),
        size: 10_000,
        transfers: [
          full('model', 10_000),
          { ...full('delta', 900), kind: 'delta', uri: 'https://models.example/7' },
        ],
      },
      {
        role: 'self-test',
        name: 'self-test.cbor',
        digest: sha256('test'),
        size: 100,
        transfers: [full('test', 100)],
      },
    ],
    pipeline: {
      window: { frames: 256, stride: 128, channels: 3, sampleRateHz: 1600, resize: undefined },
      normalise: { kind: 'standardise', multiply: 0.5, add: -1 },
      models: ['model.tflite'],
      decision: { kind: 'argmax', threshold: 0.75, average: undefined },
      frontEnd: undefined,
    },
    budget: { arenaBytes: 4096, deadlineUs: 250_000, expectedUs: 120, macs: 150_000 },
    ...change,
  };
}

/** A manifest whose windows are pictures of any size. */
export function pictureManifest(): Manifest {
  const manifest = sampleManifest();
  const { pipeline } = manifest;
  const resize = { width: 32, height: 8, fit: 'crop' } as const;
  return { ...manifest, pipeline: { ...pipeline, window: { ...pipeline.window, resize } } };
}

/** A manifest whose first model sees slices of a window: seven of 64 frames. */
export function frontEndManifest(): Manifest {
  const manifest = sampleManifest();
  const [model, ...others] = manifest.artifacts;
  if (model === undefined) throw new Error('the sample has a model');
  const models = ['front-end.tflite', 'model.tflite'];
  return {
    ...manifest,
    artifacts: [model, { ...model, name: 'front-end.tflite' }, ...others],
    pipeline: {
      ...manifest.pipeline,
      models,
      decision: { kind: 'argmax', threshold: 0.75, average: 3 },
      frontEnd: { frames: 64, stride: 32, per: 'stream', logMel: undefined },
    },
  };
}

/** A manifest whose model sees log-mel features. */
export function logMelManifest(): Manifest {
  const manifest = sampleManifest();
  const { pipeline } = manifest;
  const logMel = { bands: 8, lowHz: 20, highHz: 800, preEmphasis: 0.5, add: 52, multiply: 0.25 };
  return {
    ...manifest,
    pipeline: {
      ...pipeline,
      window: { ...pipeline.window, channels: 1 },
      frontEnd: { frames: 64, stride: 32, per: undefined, logMel },
    },
  };
}

/** A policy with every field that a policy can have. */
export function samplePolicy(change: Partial<Policy> = {}): Policy {
  return {
    version: 3,
    slot: 'vibration',
    champion: { sequence: 6, manifest: sha256('six') },
    arms: [
      {
        name: 'everyone',
        release: { sequence: 7, manifest: sha256('seven') },
        exposure: 10_000,
        salt: sha256('salt').subarray(0, 8),
        shadow: { windows: 40, budgetPermille: 300, overMs: 3_600_000 },
        minBlocks: 4,
      },
    ],
    promoted: 6,
    trial: { soakMs: 60_000, inferences: 20 },
    gate: { marginPermille: 50, harmPermille: 100, safePermille: 300, alphaPermille: 50 },
    evidence: {
      devices: 48,
      alphaPermille: 50,
      deviceMarginPermille: 50,
      blockWindows: 10,
      turnWindows: 20,
    },
    fallback: {
      release: { sequence: 6, manifest: sha256('six') },
      salt: sha256('salt').subarray(0, 8),
      minBlocks: 4,
      holdout: 500,
    },
    ...change,
  };
}

/** A beacon over one slot. */
export function sampleBeacon(change: Partial<Beacon> = {}): Beacon {
  return {
    counter: 12,
    issued: sampleWallMs / 1000,
    expires: sampleWallMs / 1000 + 3600,
    keysetVersion: 1,
    slots: new Map([
      [
        'vibration',
        {
          policyVersion: 3,
          policy: sha256('policy'),
          releases: [{ sequence: 7, manifest: sha256('seven') }],
          epochFloor: 1,
          promotedFloor: 6,
        },
      ],
    ]),
    ...change,
  };
}

/** Golden vectors of a small model. */
export function sampleSelfTest(change: Partial<SelfTest> = {}): SelfTest {
  return {
    vectors: [
      { inputs: Uint8Array.of(1, 2, 3), outputs: Uint8Array.of(9) },
      { inputs: Uint8Array.of(0, 0, 0), outputs: Uint8Array.of(0) },
    ],
    tolerance: 0.5,
    further: [
      { vectors: [{ inputs: Uint8Array.of(4), outputs: Uint8Array.of(5, 6) }], tolerance: 0 },
    ],
    ...change,
  };
}

/** The same document with one field at a path of keys exchanged, or left out where the value is undefined. */
export function withField(
  document: Uint8Array,
  path: readonly (number | string)[],
  value: CborValue | undefined,
): Uint8Array {
  return encodeCbor(replaceField(expectOk(decodePlainCbor(document)), path, value));
}

/** The same of a decoded document. */
export function replaceField(
  at: CborValue,
  [key, ...rest]: readonly (number | string)[],
  value: CborValue | undefined,
): CborValue {
  if (key === undefined) throw new Error('a path has at least one key');
  if (Array.isArray(at)) {
    const items = at as readonly CborValue[];
    const index = Number(key);
    if (rest.length > 0) return items.with(index, replaceField(items[index] ?? null, rest, value));
    return value === undefined ? items.toSpliced(index, 1) : items.with(index, value);
  }
  const map = new Map(at as CborMap);
  if (rest.length > 0) map.set(key, replaceField(map.get(key) ?? null, rest, value));
  else if (value === undefined) map.delete(key);
  else map.set(key, value);
  return map;
}

/** Evidence that uses every field. */
export function sampleEvidence(change: Partial<Evidence> = {}): Evidence {
  const block = { onlyChampionRight: 1, onlyChallengerRight: 2, windows: 11, unlabelled: 1 };
  return {
    deviceId: 'press-7',
    slot: 'vibration',
    champion: { sequence: 6, manifest: sha256('six') },
    challenger: { sequence: 7, manifest: sha256('seven') },
    salt: sha256('salt').subarray(0, 8),
    life: sha256('life').subarray(0, 8),
    revision: 12,
    blockWindows: 10,
    totals: {
      windows: 48,
      onlyChampionRight: 3,
      onlyChallengerRight: 6,
      disagreements: 12,
      unlabelled: 3,
      labelled: 20,
    },
    shadow: {
      blocks: [
        { ...block, policy: 3, served: 0 },
        { ...block, policy: 3, served: 0 },
        { ...block, policy: 5, served: 0 },
      ],
      full: true,
    },
    served: { blocks: [{ ...block, policy: 6, served: 1 }], full: false },
    correlation: -50,
    late: { reports: 9, onlyChampion: 2, onlyChallenger: 3 },
    service: { serving: true, reports: 4 },
    aside: 'named',
    drift: 'marked',
    ...change,
  };
}

/** Disagreements in every form that an answer has. */
export function sampleDisagreements(change: Partial<Disagreements> = {}): Disagreements {
  const { deviceId, slot, champion, challenger, salt, life } = sampleEvidence();
  const silent = { label: undefined, scorePermille: undefined };
  return {
    ...{ deviceId, slot, champion, challenger, salt, life },
    entries: [
      {
        boot: 3,
        window: 12,
        t: sampleWallMs,
        champion: { label: 'normal', scorePermille: 900 },
        challenger: { label: 'imbalance', scorePermille: undefined },
      },
      { boot: 3, window: 13, t: sampleWallMs, champion: silent, challenger: silent },
    ],
    ...change,
  };
}
