import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto';
import { coseKey } from '../../protocol/documents/keyset.js';
import { kidBytes } from '../../protocol/cose/header.js';
import type { DeviceKey } from '../ports/device-key.js';

/** An Ed25519 key that signs: documents of an operator, evidence of a device. */
export interface SigningKey extends DeviceKey {
  /** PKCS#8 in PEM: the secret itself. */
  exportPem(): string;
}

/** Makes a new key from the system's chance. */
export function generateSigningKey(): SigningKey {
  return fromKeyObject(generateKeyPairSync('ed25519').privateKey);
}

/** Reads a key that `exportPem` wrote. Throws what Node throws for anything else. */
export function importSigningKey(pem: string): SigningKey {
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyType !== 'ed25519')
    throw new Error(`a key of type ${key.asymmetricKeyType}`);
  return fromKeyObject(key);
}

function fromKeyObject(key: KeyObject): SigningKey {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  const publicKey = new Uint8Array(Buffer.from(x, 'base64url'));
  const thumbprint = createHash('sha256').update(coseKey(publicKey)).digest();
  return {
    kid: new Uint8Array(thumbprint.subarray(0, kidBytes)),
    publicKey,
    sign: (message) => new Uint8Array(sign(null, message, key)),
    exportPem: () => key.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}
