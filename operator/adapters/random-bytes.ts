import { randomBytes } from 'node:crypto';

/** Chance from the system's generator (`RandomBytes`). */
export function systemRandomBytes(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length));
}
