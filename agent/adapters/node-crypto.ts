import { createHash, createPublicKey, verify } from 'node:crypto';
import type { Crypto } from '../ports/crypto.js';

/** The crypto port on Node's own library. */
export function createNodeCrypto(): Crypto {
  return {
    sha256: (bytes) => new Uint8Array(createHash('sha256').update(bytes).digest()),
    verifyEd25519(publicKey, message, signature) {
      if (signature.length !== 64 || !isSoundEd25519Key(publicKey)) return false;
      const key = createPublicKey({
        key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') },
        format: 'jwk',
      });
      return verify(null, message, key, signature);
    },
  };
}

/** 2^255 - 19. */
const fieldPrime = 2n ** 255n - 19n;

/** The y coordinate of two points of order 8; its negative is that of the two others. */
const orderEightY = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;

/**
 * The y coordinates of the eight points whose order divides the cofactor: 1 (order 1), -1 (order 2),
 * 0 (order 4, twice), and those of order 8. Under such a key some signatures hold for messages that
 * nobody signed. A test finds them again by multiplying points with the order of the group.
 */
const smallOrderY: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  fieldPrime - 1n,
  orderEightY,
  fieldPrime - orderEightY,
]);

/**
 * Whether the bytes are a canonical encoding of a point that is not of small order. OpenSSL imports the
 * others and then accepts signatures that nobody made, so they are refused here.
 */
export function isSoundEd25519Key(publicKey: Uint8Array): boolean {
  if (publicKey.length !== 32) return false;
  let y = 0n;
  for (let i = 31; i >= 0; i--) y = (y << 8n) | BigInt(publicKey[i] ?? 0);
  // The highest bit is the sign of x (RFC 8032, 5.1.2).
  y &= 2n ** 255n - 1n;
  return y < fieldPrime && !smallOrderY.has(y);
}
