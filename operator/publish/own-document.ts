import type { Crypto } from '../../agent/ports/crypto.js';
import { openSign1 } from '../../protocol/cose/sign1.js';
import { findSigner, type Role } from '../../protocol/documents/keyset.js';
import type { Result } from '../../protocol/result.js';
import type { KeyFolder } from '../keys/key-folder.js';
import { readKeyset } from '../release/verify-release.js';

/** A signed document, and what it says. */
export interface Published<T> {
  readonly content: T;
  /** As it is carried. */
  readonly bytes: Uint8Array;
}

/** What it takes to know one's own signature. */
export interface OwnKeys {
  readonly keys: KeyFolder;
  readonly crypto: Crypto;
}

/** What these bytes say, if a key of the folder's keyset has signed them as such a document; else undefined. */
export function readOwnDocument<T>(
  type: Exclude<Role, 'root'>,
  bytes: Uint8Array,
  parse: (payload: Uint8Array) => Result<T>,
  { keys, crypto }: OwnKeys,
): Published<T> | undefined {
  const envelope = openSign1(bytes, type);
  if (!envelope.ok) return undefined;
  const { kid, toBeSigned, signature, payload } = envelope.value;
  // Whether the keyset has expired is for devices to ask: what it has signed stays what was published.
  const key = findSigner(readKeyset(keys.keyset), kid, { role: type, wallMs: 0 });
  if (!key.ok || !crypto.verifyEd25519(key.value.publicKey, toBeSigned, signature)) {
    return undefined;
  }
  const content = parse(payload);
  return content.ok ? { content: content.value, bytes } : undefined;
}
