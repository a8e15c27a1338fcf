import { pbkdf2Sync } from 'node:crypto';
import type { RandomBytes } from '../ports/random-bytes.js';

/** What a device proves itself with to the broker. */
export interface Credential {
  /** The id of the device. */
  readonly username: string;
  /** URL-safe; shown once and kept nowhere. */
  readonly password: string;
}

/** 192 bits in 32 characters: nobody guesses it, and nobody need remember it. */
const passwordBytes = 24;

/**
 * What `mosquitto_passwd` of Mosquitto 2.0 uses. Few iterations are enough: stretching protects passwords
 * that people think of, and the broker pays for it at every connection of the fleet.
 */
const iterations = 101;
const saltBytes = 12;
const hashBytes = 64;

/** Makes a credential of chance. */
export function createCredential(deviceId: string, randomBytes: RandomBytes): Credential {
  const password = Buffer.from(randomBytes(passwordBytes)).toString('base64url');
  return { username: deviceId, password };
}

/** The line of a Mosquitto password file: PBKDF2 with SHA-512 (`$7$`). */
export function mosquittoPasswordLine(
  { username, password }: Credential,
  randomBytes: RandomBytes,
): string {
  const salt = Buffer.from(randomBytes(saltBytes));
  const hash = pbkdf2Sync(password, salt, iterations, hashBytes, 'sha512');
  return `${username}:$7$${iterations}$${salt.toString('base64')}$${hash.toString('base64')}`;
}
