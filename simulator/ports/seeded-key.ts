import { createHash } from 'node:crypto';
import { importSigningKey, type SigningKey } from '../../agent/adapters/signing-key.js';

/** PKCS#8 of an Ed25519 key before its secret (RFC 8410, 7). */
const prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A key of a simulated device or operator that follows from its seed, so that a run signs the same bytes again. No secret. */
export function createSeededKey(seed: string): SigningKey {
  const secret = createHash('sha256').update(`simulated device ${seed}`).digest();
  const body = Buffer.concat([prefix, secret]).toString('base64');
  return importSigningKey(`-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`);
}
