import { sameBytes } from '../../protocol/bytes.js';
import { decodeCbor } from '../../protocol/cbor/decode.js';
import { encodeCbor } from '../../protocol/cbor/encode.js';
import { Tagged, type CborMap, type CborValue } from '../../protocol/cbor/value.js';
import { CodedError, expectOk } from '../../protocol/coded-error.js';
import { openSign1 } from '../../protocol/cose/sign1.js';
import { parseManifest, type Manifest } from '../../protocol/documents/manifest.js';
import type { Crypto } from '../../agent/ports/crypto.js';

/** A release as `release build` writes it to one file: the signed manifest and the bytes it names. */
export interface ReleaseFile {
  /** The signed manifest, as it is published. */
  readonly envelope: Uint8Array;
  readonly manifest: Manifest;
  /** The artifacts, in the order of the manifest. */
  readonly artifacts: readonly Uint8Array[];
}

/** Self-described CBOR (RFC 8949, 3.4.6): other tools see what the file is. */
const tag = 55799;
const kind = 'tinylamp-release';

/** The bytes of the file. */
export function encodeReleaseFile(
  envelope: Uint8Array,
  artifacts: readonly Uint8Array[],
): Uint8Array {
  return encodeCbor(
    new Tagged(
      tag,
      new Map<number, CborValue>([
        [0, kind],
        [1, envelope],
        [2, artifacts],
      ]),
    ),
  );
}

/**
 * Reads a release file and checks that it holds what its manifest names. The signature is not looked at:
 * that needs a keyset. Throws `release-file-invalid`.
 */
export function parseReleaseFile(bytes: Uint8Array, crypto: Crypto): ReleaseFile {
  const decoded = decodeCbor(bytes);
  if (!decoded.ok) throw new CodedError('release-file-invalid', decoded.rejection.detail);
  const { envelope, artifacts } = readParts(decoded.value);
  const manifest = expectOk(parseManifest(expectOk(openSign1(envelope, 'manifest')).payload));
  if (artifacts.length !== manifest.artifacts.length) {
    throw new CodedError(
      'release-file-invalid',
      `${artifacts.length} artifacts, the manifest names ${manifest.artifacts.length}`,
    );
  }
  for (const [i, { name, digest, size }] of manifest.artifacts.entries()) {
    const artifact = artifacts[i] ?? new Uint8Array();
    if (artifact.length !== size || !sameBytes(crypto.sha256(artifact), digest)) {
      throw new CodedError('release-file-invalid', `${name} is not what the manifest names`);
    }
  }
  return { envelope, manifest, artifacts };
}

function readParts(value: CborValue): { envelope: Uint8Array; artifacts: readonly Uint8Array[] } {
  const invalid = (what: string): never => {
    throw new CodedError('release-file-invalid', what);
  };
  if (!(value instanceof Tagged) || value.tag !== tag || !(value.value instanceof Map)) {
    return invalid('it is no release of tinylamp');
  }
  const map = value.value as CborMap;
  const [name, envelope, artifacts] = [map.get(0), map.get(1), map.get(2)];
  if (name !== kind || !(envelope instanceof Uint8Array) || !Array.isArray(artifacts)) {
    return invalid('it is no release of tinylamp');
  }
  const items = artifacts as readonly CborValue[];
  return {
    envelope,
    artifacts: items.map((item) =>
      item instanceof Uint8Array ? item : invalid('an artifact is no bytes'),
    ),
  };
}
