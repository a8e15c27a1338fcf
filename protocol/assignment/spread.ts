import { murmur3 } from './murmur3.js';

/**
 * Where in a period a device does what the whole fleet does once in each: a share in [0, 1), uniform over devices and the
 * same one for ever, so that a broker is not told everything in one second.
 */
export function spreadShare(deviceId: string): number {
  return murmur3(new TextEncoder().encode(`spread:${deviceId}`)) / 2 ** 32;
}
