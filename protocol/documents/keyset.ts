import { sameBytes, toHex } from '../bytes.js';
import { encodeCbor } from '../cbor/encode.js';
import { checkBytes, checkText, Fields, parseFields, refuseField } from '../cbor/fields.js';
import type { CborValue } from '../cbor/value.js';
import { kidBytes } from '../cose/header.js';
import { limits } from '../limits.js';
import { accept, refuse, type Result } from '../result.js';
import { slotPattern } from '../topics.js';

/** What a key may sign; carried as a sum of powers of two, in this order. */
export const roles = ['root', 'manifest', 'policy', 'beacon'] as const;
export type Role = (typeof roles)[number];

/** The keys of a deployment. Root keys sign the next keyset and can stay offline. */
export interface Keyset {
  /** Exactly one more than that of its predecessor. */
  readonly version: number;
  /** Seconds since the epoch; after it nothing new is believed. */
  readonly expires: number;
  /** How many root keys must sign a keyset. */
  readonly threshold: number;
  readonly keys: readonly Key[];
  readonly revoked: readonly Uint8Array[];
}

export interface Key {
  readonly kid: Uint8Array;
  /** Ed25519, raw. */
  readonly publicKey: Uint8Array;
  readonly roles: readonly Role[];
  /** Signs for these slots only; for all where absent. */
  readonly slots: readonly string[] | undefined;
}

/** Reads a keyset. Whether to believe it is for its signatures to say. */
export function parseKeyset(payload: Uint8Array): Result<Keyset> {
  return parseFields(payload, 'keyset', (fields) => {
    fields.integer(0, [1, 1]);
    const keyset = {
      version: fields.integer(1, [1, Number.MAX_SAFE_INTEGER]),
      expires: fields.integer(2, [0, Number.MAX_SAFE_INTEGER]),
      threshold: fields.integer(3, [1, limits.signatures]),
      keys: fields.list(4, [1, limits.keys], parseKey),
      revoked:
        fields.optional(5, () =>
          fields.list(5, [1, 64], (item, path) => checkBytes(item, [kidBytes, kidBytes], path)),
        ) ?? [],
    };
    const ids = new Set(keyset.keys.map(({ kid }) => toHex(kid)));
    // Under two ids one key could make up a threshold of two.
    const publicKeys = new Set(keyset.keys.map(({ publicKey }) => toHex(publicKey)));
    if (Math.min(ids.size, publicKeys.size) < keyset.keys.length) {
      refuseField('keyset.4', 'names a key twice');
    }
    return keyset;
  });
}

/** The payload of a keyset, in deterministic CBOR. */
export function encodeKeyset(keyset: Keyset): Uint8Array {
  const fields = new Map<number, CborValue>([
    [0, 1],
    [1, keyset.version],
    [2, keyset.expires],
    [3, keyset.threshold],
    [4, keyset.keys.map(keyValue)],
  ]);
  if (keyset.revoked.length > 0) fields.set(5, keyset.revoked);
  return encodeCbor(fields);
}

/**
 * The deterministic COSE_Key of an Ed25519 public key (RFC 9053, 7.2): SHA-256 of it is its thumbprint
 * (RFC 9679), the first bytes of which are the key id.
 */
export function coseKey(publicKey: Uint8Array): Uint8Array {
  const okp = 1;
  const ed25519 = 6;
  return encodeCbor(
    new Map<number, CborValue>([
      [1, okp],
      [-1, ed25519],
      [-2, publicKey],
    ]),
  );
}

/** Whether nothing new is to be believed by this keyset any more. */
export function isExpired({ expires }: Keyset, wallMs: number): boolean {
  return wallMs / 1000 > expires;
}

/**
 * The key that may sign such a document at this time. Refuses with `key-unknown`, `key-revoked`,
 * `key-role-mismatch` or `keyset-expired`.
 */
export function findSigner(
  keyset: Keyset,
  kid: Uint8Array,
  wanted: { readonly role: Role; readonly slot?: string | undefined; readonly wallMs: number },
): Result<Key> {
  const id = toHex(kid);
  const key = keyset.keys.find((each) => sameBytes(each.kid, kid));
  if (key === undefined)
    return refuse('key-unknown', `key ${id} is not in keyset ${keyset.version}`);
  if (keyset.revoked.some((revoked) => sameBytes(revoked, kid))) {
    return refuse('key-revoked', `key ${id} is revoked in keyset ${keyset.version}`);
  }
  if (!key.roles.includes(wanted.role)) {
    return refuse('key-role-mismatch', `key ${id} may sign no ${wanted.role}`);
  }
  if (wanted.slot !== undefined && key.slots?.includes(wanted.slot) === false) {
    return refuse('key-role-mismatch', `key ${id} may not sign for slot ${wanted.slot}`);
  }
  if (isExpired(keyset, wanted.wallMs)) {
    return refuse('keyset-expired', `keyset ${keyset.version} has expired`);
  }
  return accept(key);
}

function parseKey(value: CborValue, path: string): Key {
  return Fields.read(value, path, (fields) => {
    const mask = fields.integer(3, [1, 2 ** roles.length - 1]);
    return {
      kid: fields.bytes(1, [kidBytes, kidBytes]),
      publicKey: fields.bytes(2, [32, 32]),
      roles: roles.filter((_, i) => (mask & (1 << i)) !== 0),
      slots: fields.optional(4, () =>
        fields.list(4, [1, 32], (item, at) => checkText(item, [1, 32], slotPattern, at)),
      ),
    };
  });
}

function keyValue(key: Key): CborValue {
  const mask = key.roles.reduce((sum, role) => sum | (1 << roles.indexOf(role)), 0);
  const fields = new Map<number, CborValue>([
    [1, key.kid],
    [2, key.publicKey],
    [3, mask],
  ]);
  if (key.slots !== undefined) fields.set(4, key.slots);
  return fields;
}
