import type { SlotSettings } from '../settings.js';
import { sameBytes, toHex } from '../../../protocol/bytes.js';
import type { Device } from '../device.js';
import { openSign1 } from '../../../protocol/cose/sign1.js';
import {
  parseManifest,
  type Artifact,
  type Manifest,
} from '../../../protocol/documents/manifest.js';
import { parseSelfTest, type SelfTest } from '../../../protocol/documents/self-test.js';
import { LoadedRelease, type LoadedModel } from '../inference/loaded-release.js';
import { limits } from '../../../protocol/limits.js';
import type { Handle } from '../../ports/engine.js';
import { ask, type Process } from '../process.js';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import { readFile } from '../state/read-file.js';
import type { StoredRelease } from '../state/record.js';

/** The name of the file that holds a signed manifest. */
export function manifestName(manifest: string): string {
  return `manifests/${manifest}`;
}

/** The name of the file that holds an artifact. */
export function imageName(digest: Uint8Array): string {
  return `images/${toHex(digest)}`;
}

/**
 * Reads a stored manifest and checks it against the digest under which it was accepted. Its signature
 * was verified then; a key that is revoked later does not stop what already runs.
 */
export function* readManifest(stored: StoredRelease): Process<Result<Manifest>> {
  const name = manifestName(stored.manifest);
  const file = yield* readFile(name, limits.envelopeBytes);
  if (!file.ok) return file;
  if (file.value === undefined) return refuse('image-missing', `${name} is not on disk`);
  const digest = yield* ask('digest', { bytes: file.value });
  if (toHex(digest) !== stored.manifest) return refuse('image-damaged', `${name} has changed`);
  const envelope = openSign1(file.value, 'manifest');
  return envelope.ok ? parseManifest(envelope.value.payload) : envelope;
}

/** Gives the bytes of an artifact, whose digest was checked in this run. */
export type ImageReader = (artifact: Artifact) => Process<Result<Uint8Array>>;

/**
 * Reads an artifact and checks its digest: bytes on disk are never trusted to be what was written. A
 * damaged file is removed, so that it can be fetched again.
 */
function* readImage(artifact: Artifact): Process<Result<Uint8Array>> {
  const name = imageName(artifact.digest);
  const file = yield* readFile(name, artifact.size);
  if (!file.ok) return file;
  if (file.value === undefined) return refuse('image-missing', `${name} is not on disk`);
  const digest = yield* ask('digest', { bytes: file.value });
  if (!sameBytes(digest, artifact.digest)) {
    yield* ask('remove', { name });
    return refuse('image-damaged', `${name} is not what the manifest names`);
  }
  return accept(file.value);
}

/**
 * Loads the models of a stored release, each into an instance of its own, with their labels. Where it
 * refuses, or is cancelled, nothing stays loaded.
 *
 * @param read where the artifacts come from: from the storage of the device if not given
 */
export function* loadRelease(
  device: Device,
  settings: SlotSettings,
  stored: StoredRelease,
  manifest: Manifest,
  read: ImageReader = readImage,
): Process<Result<LoadedRelease>> {
  const handles: Handle[] = [];
  let kept = false;
  try {
    const release = yield* load(device, settings, stored, manifest, read, handles);
    kept = release.ok;
    return release;
  } finally {
    if (!kept) for (const handle of handles) device.tasks.ask('unload', { handle });
  }
}

/** The golden vectors of a release; undefined where it has none. */
export function* readSelfTest(
  manifest: Manifest,
  read: ImageReader = readImage,
): Process<Result<SelfTest | undefined>> {
  const artifact = manifest.artifacts.find(({ role }) => role === 'self-test');
  if (artifact === undefined) return accept(undefined);
  const bytes = yield* read(artifact);
  return bytes.ok ? parseSelfTest(bytes.value) : bytes;
}

function* load(
  device: Device,
  settings: SlotSettings,
  stored: StoredRelease,
  manifest: Manifest,
  read: ImageReader,
  handles: Handle[],
): Process<Result<LoadedRelease>> {
  const models: LoadedModel[] = [];
  const { budget, pipeline, artifacts } = manifest;
  for (const name of pipeline.models) {
    const artifact = artifacts.find((each) => each.role === 'model' && each.name === name);
    if (artifact === undefined) return refuse('pipeline-mismatch', `there is no model ${name}`);
    const model = yield* read(artifact);
    if (!model.ok) return model;
    const handle = device.nextHandle();
    handles.push(handle);
    const facts = yield* ask('load', {
      handle,
      model: model.value,
      arenaBytes: Math.min(budget.arenaBytes, settings.limits.arenaBytes),
      deadlineMs: limits.loadDeadlineMs,
    });
    if (!facts.ok) return facts;
    models.push({ handle, facts: facts.value });
  }
  const labels = yield* readLabels(manifest, read);
  if (!labels.ok) return labels;
  return LoadedRelease.create(stored, manifest, models, labels.value);
}

/** Labels are a text file with one name a line. */
function* readLabels(manifest: Manifest, read: ImageReader): Process<Result<readonly string[]>> {
  const artifact = manifest.artifacts.find(({ role }) => role === 'labels');
  if (artifact === undefined) return accept([]);
  const bytes = yield* read(artifact);
  if (!bytes.ok) return bytes;
  const text = new TextDecoder().decode(bytes.value);
  return accept(text.split(/\r?\n/).filter((line) => line !== ''));
}
