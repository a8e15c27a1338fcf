import assert from 'node:assert/strict';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import type { World } from './world.js';
import type { WorldDevice } from './world-device.js';

/** Where most tests begin: publishes a release to everyone, and lets a device that was started install it. */
export async function settle(
  world: World,
  device: WorldDevice,
  release: ReleaseFile,
): Promise<WorldDevice> {
  await world.publish(release);
  await world.time.advance(5_000);
  assert.equal(device.state.current, release.manifest.sequence);
  return device;
}
