import type { SlotSettings } from '../settings.js';
import type { Device } from '../device.js';
import { readClassNames } from '../../../protocol/class-names.js';
import type { Artifact, Manifest } from '../../../protocol/documents/manifest.js';
import { parseSelfTest, type SelfTest } from '../../../protocol/documents/self-test.js';
import { LoadedRelease, type LoadedModel } from '../inference/loaded-release.js';
import { limits } from '../../../protocol/limits.js';
import type { Handle } from '../../ports/engine.js';
import { ask, type Process } from '../process.js';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import type { StoredRelease } from '../state/record.js';
import { readImage } from '../store/read-release.js';

/** Work that the fastest hosts do in a millisecond: what is more than a period's cannot keep up anywhere. */
const workPerMs = 2 ** 21;

/** Gives the bytes of an artifact, whose digest was checked in this run. */
export type ImageReader = (artifact: Artifact) => Process<Result<Uint8Array>>;

/** How the models of a release are loaded on a device. */
export interface LoadOptions {
  /** Where the artifacts come from: from the storage of the device if not given. */
  readonly read?: ImageReader | undefined;
  /** Whether they may share a thread with others: those of a stranger may not. */
  readonly mayShare?: boolean;
}

/**
 * Loads the models of a stored release, each into an instance of its own, with their labels. Where it
 * refuses, or is cancelled, nothing stays loaded.
 */
export function* loadRelease(
  device: Device,
  settings: SlotSettings,
  stored: StoredRelease,
  manifest: Manifest,
  { read = readImage, mayShare = false }: LoadOptions = {},
): Process<Result<LoadedRelease>> {
  const handles: Handle[] = [];
  let kept = false;
  try {
    const { arenaBytes, periodMs } = settings.limits;
    const mostWork = periodMs * workPerMs;
    const place = { nextHandle: () => device.nextHandle(), arenaBytes, mostWork, mayShare };
    const release = yield* loadModels(place, stored, manifest, read, handles);
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

/** Where models are loaded: what the next is called, how much it may take, and with whom it may be. */
interface ModelPlace {
  readonly nextHandle: () => Handle;
  readonly arenaBytes: number;
  readonly mostWork?: number;
  readonly mayShare?: boolean;
}

/**
 * The same for whoever gives back what was loaded of a release that is refused.
 *
 * @param place where models are loaded: what the next is called, how much it may take, and with whom it may be
 * @param handles those that were used, for giving them back
 */
export function* loadModels(
  place: ModelPlace,
  stored: StoredRelease,
  manifest: Manifest,
  read: ImageReader,
  handles: Handle[],
): Process<Result<LoadedRelease>> {
  const models: LoadedModel[] = [];
  const { budget, pipeline, artifacts } = manifest;
  let arenaBytes = Math.min(budget.arenaBytes, place.arenaBytes);
  for (const name of pipeline.models) {
    const artifact = artifacts.find((each) => each.role === 'model' && each.name === name);
    if (artifact === undefined) return refuse('pipeline-mismatch', `there is no model ${name}`);
    const model = yield* read(artifact);
    if (!model.ok) return model;
    const handle = place.nextHandle();
    handles.push(handle);
    const facts = yield* ask('load', {
      handle,
      model: model.value,
      arenaBytes,
      mostWork: place.mostWork,
      deadlineMs: limits.loadDeadlineMs,
      mayShare: place.mayShare,
    });
    if (!facts.ok) return facts;
    models.push({ handle, facts: facts.value });
    arenaBytes -= facts.value.arenaBytes;
  }
  const labels = yield* readLabels(manifest, read);
  if (!labels.ok) return labels;
  return LoadedRelease.create(stored, manifest, models, labels.value);
}

function* readLabels(manifest: Manifest, read: ImageReader): Process<Result<readonly string[]>> {
  const artifact = manifest.artifacts.find(({ role }) => role === 'labels');
  if (artifact === undefined) return accept([]);
  const bytes = yield* read(artifact);
  if (!bytes.ok) return bytes;
  return accept(readClassNames(bytes.value));
}
