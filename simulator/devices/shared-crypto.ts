import type { Crypto } from '../../agent/ports/crypto.js';

/** Signatures of a whole fleet that are kept: of a release, a policy and a beacon, and of those before. */
const keptSignatures = 1_000;

/**
 * The crypto of devices that all verify the same documents: each signature is verified once for the fleet. Nothing that
 * depends on the device is kept.
 */
export function createSharedCrypto(crypto: Crypto): Crypto {
  const verified = new Map<string, boolean>();
  return {
    sha256: (bytes) => crypto.sha256(bytes),
    verifyEd25519(publicKey, message, signature) {
      const key = [publicKey, signature, crypto.sha256(message)]
        .map((bytes) => Buffer.from(bytes).toString('latin1'))
        .join('');
      let holds = verified.get(key);
      if (holds === undefined) {
        holds = crypto.verifyEd25519(publicKey, message, signature);
        if (verified.size >= keptSignatures) verified.clear();
        verified.set(key, holds);
      }
      return holds;
    },
  };
}
