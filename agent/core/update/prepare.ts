import type { SlotSettings } from '../settings.js';
import type { Device } from '../device.js';
import type { Artifact, Manifest } from '../../../protocol/documents/manifest.js';
import type { LoadedRelease } from '../inference/loaded-release.js';
import { ask, type Process } from '../process.js';
import { accept, type Result } from '../../../protocol/result.js';
import type { SlotRecord, StoredRelease } from '../state/record.js';
import type { Course } from '../store/artifact-fetch.js';
import { fileNamesOf, type Holding } from '../store/artifact-store.js';
import { manifestName } from '../store/file-names.js';
import { checkAdmission } from './admission.js';
import type { LifeEvent } from './life.js';
import { loadTestedRelease } from './load-tested-release.js';
import { obtainManifest } from './obtain-manifest.js';

export interface Preparation {
  readonly device: Device;
  readonly slot: string;
  readonly settings: SlotSettings;
  readonly release: StoredRelease;
  /** What the slot has on record by now. */
  readonly record: () => SlotRecord;
  /** What the offer keeps from being removed as garbage. */
  readonly holding: Holding;
  readonly advance: (event: LifeEvent) => void;
  /** Told how the release comes. */
  readonly course: Course;
}

/**
 * Decides whether a release may be brought in, by all that is known before its first byte: manifest and
 * admission.
 */
export function* admitRelease(preparation: Preparation): Process<Result<AdmittedRelease>> {
  const { device, slot, release, holding, course } = preparation;
  holding.add([manifestName(release.manifest)]);
  const manifest = yield* obtainManifest(device, slot, release, course);
  if (!manifest.ok) return manifest;
  const { artifacts } = manifest.value;
  // From now on none of them is garbage, whoever else gives it up.
  holding.add(artifacts.flatMap(fileNamesOf));
  const missing = yield* device.store.missing(artifacts);
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
  { device, advance, course }: Preparation,
  { missing }: AdmittedRelease,
): Process<Result<void>> {
  if (missing.length > 0) advance('fetch');
  for (const artifact of missing) {
    const fetched = yield* device.store.obtain(artifact, course);
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
  const loaded = yield* loadTestedRelease(device, settings, release, manifest);
  if (loaded.ok) advance('test');
  return loaded;
}

function* admit(
  { device, settings, record }: Preparation,
  manifest: Manifest,
  missing: readonly Artifact[],
): Process<Result<void>> {
  const free = yield* ask('freeBytes', {});
  if (!free.ok) return free;
  const missingBytes = yield* device.store.missingBytes(missing);
  if (!missingBytes.ok) return missingBytes;
  return checkAdmission(manifest, {
    settings: device.settings,
    limits: settings.limits,
    record: record(),
    wallMs: device.believedMs(),
    missingBytes: missingBytes.value,
    freeBytes: free.value,
  });
}
