/** The key by which a device signs what it has found out (Ed25519). Only the port knows the secret. */
export interface DeviceKey {
  /** The first eight bytes of its thumbprint (RFC 9679): its fingerprint for people. */
  readonly kid: Uint8Array;
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The signature (RFC 8032) of a message, 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}
