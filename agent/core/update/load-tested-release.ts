import type { Manifest } from '../../../protocol/documents/manifest.js';
import type { Result } from '../../../protocol/result.js';
import type { Device } from '../device.js';
import type { LoadedRelease } from '../inference/loaded-release.js';
import { uninterrupted, type Process } from '../process.js';
import type { SlotSettings } from '../settings.js';
import type { StoredRelease } from '../state/record.js';
import { loadRelease, readSelfTest, type ImageReader } from './load-release.js';
import { runSelfTest } from './self-test.js';

/**
 * Loads the models of a release, and runs its golden vectors. Where it refuses, or is cancelled, nothing stays
 * loaded.
 */
export function* loadTestedRelease(
  device: Device,
  settings: SlotSettings,
  stored: StoredRelease,
  manifest: Manifest,
  read?: ImageReader,
): Process<Result<LoadedRelease>> {
  const loaded = yield* loadRelease(device, settings, stored, manifest, { read });
  if (!loaded.ok) return loaded;
  let passed = false;
  try {
    const vectors = yield* readSelfTest(manifest, read);
    if (!vectors.ok) return vectors;
    const tested = yield* runSelfTest(loaded.value, vectors.value);
    if (!tested.ok) return tested;
    passed = true;
  } finally {
    // Also where it is no longer wanted in the middle of the test.
    if (!passed) yield* uninterrupted(loaded.value.unload());
  }
  return loaded;
}
