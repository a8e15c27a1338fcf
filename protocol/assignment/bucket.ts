import { toHex } from '../bytes.js';
import { everyone } from '../documents/policy.js';
import { murmur3 } from './murmur3.js';

/**
 * Who takes part in what, without asking a server: each device draws its own lots, the same ones for ever,
 * and the operator can draw them too. All shares are integers in 1/10000, as in a policy.
 *
 * Each purpose has a salt of its own. One salt for two purposes ties their lots together: with exposure
 * and arm drawn from one salt, the first 5% of a ramp would all be in the arm of the challenger.
 */

/** The lot of a unit under a salt: an integer in [0, 10000), uniform over units, exact in a double. */
export function bucket(salt: string, unit: string): number {
  const hash = murmur3(new TextEncoder().encode(`${salt}:${unit}`));
  return Math.floor((hash * everyone) / 2 ** 32);
}

/** The name of an experiment in its salts: the salt bytes of a policy's arm in hexadecimal. */
export function experimentName(salt: Uint8Array): string {
  return toHex(salt);
}

/**
 * Whether a device takes part at this exposure, whichever arm it is in. Who takes part at one exposure
 * takes part at every larger one, so a growing ramp takes nobody's model away.
 */
export function isExposed(experiment: string, deviceId: string, exposure: number): boolean {
  return bucket(`${experiment}/exposure`, deviceId) < exposure;
}
