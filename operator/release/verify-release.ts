import { CodedError, expectOk } from '../../protocol/coded-error.js';
import { openSign } from '../../protocol/cose/sign.js';
import { openSign1 } from '../../protocol/cose/sign1.js';
import { findSigner, parseKeyset, type Keyset } from '../../protocol/documents/keyset.js';
import type { Crypto } from '../../agent/ports/crypto.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';

/** Reads a keyset that is trusted because of where it comes from. */
export function readKeyset(bytes: Uint8Array): Keyset {
  return expectOk(parseKeyset(expectOk(openSign(bytes, 'keyset')).payload));
}

/** Whether these bytes are a keyset that its own root keys have signed, whoever they are. */
export function isKeyset(bytes: Uint8Array, crypto: Crypto): boolean {
  const envelope = openSign(bytes, 'keyset');
  if (!envelope.ok) return false;
  const keyset = parseKeyset(envelope.value.payload);
  if (!keyset.ok) return false;
  const valid = envelope.value.signers.filter(({ kid, toBeSigned, signature }) => {
    const key = findSigner(keyset.value, kid, { role: 'root', wallMs: 0 });
    return key.ok && crypto.verifyEd25519(key.value.publicKey, toBeSigned, signature);
  });
  return valid.length >= keyset.value.threshold;
}

/** Whether a device with this keyset would believe the release. Throws the code that the device would give. */
export function verifyRelease(
  { envelope, manifest }: ReleaseFile,
  keyset: Keyset,
  crypto: Crypto,
  wallMs: number,
): void {
  const { kid, toBeSigned, signature } = expectOk(openSign1(envelope, 'manifest'));
  const wanted = { role: 'manifest', slot: manifest.slot, wallMs } as const;
  const { publicKey } = expectOk(findSigner(keyset, kid, wanted));
  if (!crypto.verifyEd25519(publicKey, toBeSigned, signature)) {
    throw new CodedError('signature-invalid', 'the manifest was changed after it was signed');
  }
}
