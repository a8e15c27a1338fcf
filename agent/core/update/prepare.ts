import type { SlotSettings } from '../settings.js';
import { sameBytes, toHex } from '../../../protocol/bytes.js';
import type { Device } from '../device.js';
import {
  parseManifest,
  type Artifact,
  type Manifest,
  type Transfer,
} from '../../../protocol/documents/manifest.js';
import type { LoadedRelease } from '../inference/loaded-release.js';
import { limits } from '../../../protocol/limits.js';
import { ask, Signal, uninterrupted, wait, type Process } from '../process.js';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import type { SlotRecord, StoredRelease } from '../state/record.js';
import { checkAdmission } from './admission.js';
import { fetchBlocks, partialName } from './block-fetch.js';
import type { LifeEvent } from './life.js';
import {
  imageName,
  loadRelease,
  manifestName,
  readManifest,
  readSelfTest,
} from './load-release.js';
import { runSelfTest } from './self-test.js';

export interface Preparation {
  readonly device: Device;
  readonly slot: string;
  readonly settings: SlotSettings;
  readonly release: StoredRelease;
  readonly record: SlotRecord;
  readonly advance: (event: LifeEvent) => void;
}

/**
 * Decides whether a release may be brought in, by all that is known before its first byte: manifest and
 * admission.
 */
export function* admitRelease(preparation: Preparation): Process<Result<AdmittedRelease>> {
  const manifest = yield* obtainManifest(preparation);
  if (!manifest.ok) return manifest;
  const missing = yield* findMissing(manifest.value);
  if (!missing.ok) return missing;
  const admitted = yield* admit(preparation, manifest.value, missing.value);
  if (!admitted.ok) return admitted;
  preparation.advance('admit');
  return accept({ manifest: manifest.value, missing: missing.value });
}

/** A release that may be brought in, and what of it is not on disk yet. */
export interface AdmittedRelease {
  readonly manifest: Manifest;
  readonly missing: readonly Artifact[];
}

/** Brings in what is missing. What is on disk already is not fetched again: a restart costs nothing. */
export function* fetchRelease(
  { device, advance }: Preparation,
  { missing }: AdmittedRelease,
): Process<Result<void>> {
  if (missing.length > 0) advance('fetch');
  for (const artifact of missing) {
    const fetched = yield* fetchArtifact(device, artifact);
    if (!fetched.ok) return fetched;
  }
  advance('verify');
  return accept(undefined);
}

/** Loads the models of a release that is whole on disk, and runs its golden vectors. */
export function* testRelease(
  { device, settings, release, advance }: Preparation,
  { manifest }: AdmittedRelease,
): Process<Result<LoadedRelease>> {
  const loaded = yield* loadRelease(device, settings, release, manifest);
  if (!loaded.ok) return loaded;
  let passed = false;
  try {
    const vectors = yield* readSelfTest(manifest);
    if (!vectors.ok) return vectors;
    const tested = yield* runSelfTest(loaded.value, vectors.value);
    if (!tested.ok) return tested;
    passed = true;
  } finally {
    // Also where the offer is withdrawn in the middle of the test.
    if (!passed) yield* uninterrupted(loaded.value.unload());
  }
  advance('test');
  return loaded;
}

/** The manifest from disk, or from the broker, verified and then kept as it was carried. */
function* obtainManifest(preparation: Preparation): Process<Result<Manifest>> {
  const { device, slot, release } = preparation;
  const stored = yield* readManifest(release);
  // What cannot be read now is not asked for again: without the broker that would have no end.
  if (stored.ok || stored.rejection.code === 'storage-failed') return stored;
  const bytes = yield* receive(device, device.topics.manifest(slot, release.sequence));
  if (!bytes.ok) return bytes;
  const payload = yield* device.trust.verify(bytes.value, 'manifest', slot, device.now().wallMs);
  if (!payload.ok) return payload;
  const digest = yield* ask('digest', { bytes: bytes.value });
  if (toHex(digest) !== release.manifest) {
    return refuse(
      'manifest-digest-mismatch',
      `the retained manifest of release ${release.sequence} is not the one that the policy names`,
    );
  }
  const manifest = parseManifest(payload.value);
  if (!manifest.ok) return manifest;
  const { slot: namedSlot, sequence } = manifest.value;
  if (namedSlot !== slot || sequence !== release.sequence) {
    return refuse(
      'manifest-misplaced',
      `the manifest is of release ${sequence} for slot ${namedSlot}, and was found as ${release.sequence} of ${slot}`,
    );
  }
  const written = yield* ask('write', { name: manifestName(release.manifest), bytes: bytes.value });
  return written.ok ? manifest : written;
}

/** One retained message of a topic. */
function* receive(device: Device, topic: string): Process<Result<Uint8Array>> {
  const received = new Signal<Result<Uint8Array>>();
  let stopTimer = (): void => undefined;
  const leave = device.exchange.subscribe(topic, {
    message: (payload) => {
      received.give(accept(payload));
    },
    subscribed: () => {
      stopTimer();
      stopTimer = device.tasks.after(limits.blockTimeoutMs, () => {
        received.give(refuse('manifest-missing', `nothing is retained on ${topic}`));
      });
    },
    refused: (rejection) => {
      received.give({ ok: false, rejection });
    },
  });
  try {
    return yield* wait(received);
  } finally {
    stopTimer();
    leave();
  }
}

function* findMissing(manifest: Manifest): Process<Result<Artifact[]>> {
  const images = yield* ask('list', { folder: 'images' });
  if (!images.ok) return images;
  const sizes = new Map(images.value.map(({ name, bytes }) => [name, bytes]));
  return accept(
    manifest.artifacts.filter(({ digest, size }) => sizes.get(imageName(digest)) !== size),
  );
}

function* admit(
  { device, settings, record }: Preparation,
  manifest: Manifest,
  missing: readonly Artifact[],
): Process<Result<void>> {
  const free = yield* ask('freeBytes', {});
  if (!free.ok) return free;
  const partial = yield* ask('list', { folder: 'partial' });
  if (!partial.ok) return partial;
  const sizes = new Map(partial.value.map(({ name, bytes }) => [name, bytes]));
  // What has come already takes its room already.
  const restOf = ({ size, transfers }: Artifact): number => {
    const transfer = fullTransfer(transfers);
    const come = transfer === undefined ? 0 : (sizes.get(partialName(transfer)) ?? 0);
    return Math.max(0, size - come);
  };
  return checkAdmission(manifest, {
    settings: device.settings,
    limits: settings.limits,
    record,
    wallMs: device.now().wallMs,
    missingBytes: missing.reduce((sum, artifact) => sum + restOf(artifact), 0),
    freeBytes: free.value,
  });
}

/** Fetches an artifact over its first transfer that this agent understands, and checks the whole. */
function* fetchArtifact(device: Device, artifact: Artifact): Process<Result<void>> {
  const transfer = fullTransfer(artifact.transfers);
  if (transfer === undefined) {
    return refuse('transfer-unsupported', `${artifact.name} is not offered in full over MQTT`);
  }
  const fetched = yield* fetchBlocks(transfer, {
    tasks: device.tasks,
    exchange: device.exchange,
    topic: (block) => device.topics.block(toHex(transfer.digest), block),
    stored: () => undefined,
  });
  if (!fetched.ok) return fetched;
  const name = partialName(transfer);
  const bytes = yield* ask('read', { name, limitBytes: transfer.size });
  if (!bytes.ok) return bytes;
  const digest = yield* ask('digest', { bytes: bytes.value ?? new Uint8Array() });
  if (!sameBytes(digest, artifact.digest)) {
    yield* ask('remove', { name });
    return refuse('image-digest-mismatch', `${artifact.name} is not what the manifest names`);
  }
  return yield* ask('move', { from: name, to: imageName(artifact.digest) });
}

function fullTransfer(transfers: readonly Transfer[]): Transfer | undefined {
  return transfers.find(({ kind, uri }) => kind === 'full' && uri === undefined);
}
