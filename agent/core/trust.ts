import { openSign } from '../../protocol/cose/sign.js';
import { openSign1 } from '../../protocol/cose/sign1.js';
import type { DocumentType, Signer } from '../../protocol/cose/header.js';
import {
  findSigner,
  isExpired,
  parseKeyset,
  type Key,
  type Keyset,
  type Role,
} from '../../protocol/documents/keyset.js';
import { ask, type Process } from './process.js';
import { accept, refuse, type Result } from '../../protocol/result.js';

/**
 * Decides which documents to believe. Before a signature holds, only its envelope is looked at; what it
 * covers is verified as carried and parsed by the caller afterwards.
 */
export class Trust {
  #keyset: Keyset | undefined;

  /** The version of the keyset in force; 0 before there is one. */
  get keysetVersion(): number {
    return this.#keyset?.version ?? 0;
  }

  /** When nothing new is believed any more, in milliseconds since the epoch; 0 before there is a keyset. */
  get expiresMs(): number {
    return (this.#keyset?.expires ?? 0) * 1000;
  }

  /** Begins with the keyset that the owner of the device trusts. It must be signed by its own root keys. */
  *open(bytes: Uint8Array, wallMs: number): Process<Result<void>> {
    const envelope = openSign(bytes, 'keyset');
    if (!envelope.ok) return envelope;
    const keyset = parseKeyset(envelope.value.payload);
    if (!keyset.ok) return keyset;
    if (isExpired(keyset.value, wallMs)) {
      return refuse('keyset-expired', `keyset ${keyset.value.version} has expired`);
    }
    const signed = yield* verifyRoots(keyset.value, envelope.value.signers, wallMs);
    if (!signed.ok) return signed;
    this.#keyset = keyset.value;
    return accept(undefined);
  }

  /** The payload of a signed document whose signer may sign it for this slot. */
  *verify(
    bytes: Uint8Array,
    type: 'manifest' | 'policy' | 'beacon',
    slot: string | undefined,
    wallMs: number,
  ): Process<Result<Uint8Array>> {
    const verified = yield* this.#verify(bytes, type, { role: type, slot, wallMs });
    return verified.ok ? accept(verified.value.payload) : verified;
  }

  /** The payload of a signed command, and the key: whether it may ask about a slot is known when the payload is read. */
  *verifyCommand(bytes: Uint8Array, wallMs: number): Process<Result<VerifiedCommand>> {
    return yield* this.#verify(bytes, 'command', { role: 'policy', wallMs });
  }

  *#verify(
    bytes: Uint8Array,
    type: DocumentType,
    wanted: { readonly role: Role; readonly slot?: string | undefined; readonly wallMs: number },
  ): Process<Result<VerifiedCommand>> {
    if (this.#keyset === undefined) return refuse('key-unknown', 'there is no keyset');
    const envelope = openSign1(bytes, type);
    if (!envelope.ok) return envelope;
    const { kid, toBeSigned, signature, payload } = envelope.value;
    const key = findSigner(this.#keyset, kid, wanted);
    if (!key.ok) return key;
    const { publicKey } = key.value;
    const valid = yield* ask('verify', { publicKey, message: toBeSigned, signature });
    if (!valid) return refuse('signature-invalid', `the ${type} was changed after it was signed`);
    return accept({ payload, key: key.value });
  }
}

/** What was signed, and by which key of the keyset. */
export interface VerifiedCommand {
  readonly payload: Uint8Array;
  readonly key: Key;
}

/** Whether enough root keys of the keyset have signed. */
function* verifyRoots(
  keyset: Keyset,
  signers: readonly Signer[],
  wallMs: number,
): Process<Result<void>> {
  let valid = 0;
  for (const { kid, toBeSigned, signature } of signers) {
    const key = findSigner(keyset, kid, { role: 'root', wallMs });
    if (!key.ok) continue;
    const { publicKey } = key.value;
    if (yield* ask('verify', { publicKey, message: toBeSigned, signature })) valid++;
  }
  if (valid >= keyset.threshold) return accept(undefined);
  return refuse(
    'signature-invalid',
    `keyset ${keyset.version} has ${valid} good signatures of root keys and needs ${keyset.threshold}`,
  );
}
