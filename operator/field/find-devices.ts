import { fromHex } from '../../protocol/bytes.js';
import { CodedError } from '../../protocol/coded-error.js';
import type { Files } from '../ports/files.js';
import type { Keyring } from '../rollout/keyring.js';
import { findEnrolled, readRoster } from '../roster/roster.js';
import type { AskedDevice, FieldTools } from './ask-device.js';
import { readDeviceFacts, type DeviceFacts } from './device-facts.js';

/** A device that can be asked, and what its state says. */
export interface FoundDevice extends AskedDevice {
  readonly facts: DeviceFacts;
}

/** The ids of the roster that are meant. Throws `device-unknown` and `roster-unreadable`. */
export function enrolledIds(
  files: Files,
  folder: string,
  deviceId: string | undefined,
): readonly string[] {
  if (deviceId !== undefined) return [findEnrolled(files, folder, deviceId).deviceId];
  const { devices } = readRoster(files, folder);
  if (devices.length === 0)
    throw new CodedError('device-unknown', `nobody is enrolled in ${folder}`);
  return devices.map((device) => device.deviceId);
}

/**
 * The key of a device is that of the roster, or the first one that its state names, which is then taken for its own. Throws
 * `device-silent`.
 */
export async function findDevice(
  tools: Pick<FieldTools, 'client' | 'topics'>,
  keyring: Keyring,
  deviceId: string,
): Promise<FoundDevice> {
  const facts = await readDeviceFacts(tools, deviceId);
  const known = keyring.find(deviceId);
  const key = known ?? facts.key;
  if (key === undefined) throw new CodedError('device-silent', `${deviceId} names no key`);
  if (known === undefined) {
    keyring.pin(deviceId, key);
    keyring.save();
  }
  return { deviceId, publicKey: fromHex(key), facts };
}
