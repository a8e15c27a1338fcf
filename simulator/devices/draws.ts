import { murmur3 } from '../../protocol/assignment/murmur3.js';
import { Prng } from '../prng.js';

/**
 * The chance of a purpose, for one device: it follows from (seed, purpose, device) alone, so that a device more or less, or a
 * draw more for something else, changes nothing here.
 */
export function chanceOf(seed: number, purpose: string, deviceId = ''): Prng {
  const encoder = new TextEncoder();
  return Prng.fromSeed(seed)
    .fork(murmur3(encoder.encode(purpose)))
    .fork(murmur3(encoder.encode(deviceId)));
}
