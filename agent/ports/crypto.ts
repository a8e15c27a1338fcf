/** Cryptographic primitives on plain bytes. All are pure functions of their arguments. */
export interface Crypto {
  /** SHA-256 (FIPS 180-4) of the bytes; 32 bytes. */
  sha256(bytes: Uint8Array): Uint8Array;
  /**
   * Whether `signature` (64 bytes) is the Ed25519 signature (RFC 8032) of `message` under the raw 32-byte
   * public key. False for keys or signatures of the wrong form, and for small-order or non-canonical
   * public keys; never throws.
   */
  verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}
