import { decodeCbor } from '../cbor/decode.js';
import { encodeCbor } from '../cbor/encode.js';
import { Tagged, type CborMap, type CborValue } from '../cbor/value.js';
import { openSign1 } from '../cose/sign1.js';
import { accept, refuse, type Result } from '../result.js';
import { parseManifest, type Manifest } from './manifest.js';

/** A release in one file, as `release build` writes it: the signed manifest and the bytes it names. */
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

/** Whether a file begins as releases do; what it is worth shows when it is opened. */
export function isReleaseFile(bytes: Uint8Array): boolean {
  return bytes[0] === 0xd9 && bytes[1] === tag >> 8 && bytes[2] === (tag & 0xff);
}

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
 * Takes a release file apart. Refuses with `release-file-invalid`, or with what is wrong with the manifest. Neither the
 * signature nor the digests of the artifacts are looked at: that is the caller's, before anything is believed.
 */
export function openReleaseFile(bytes: Uint8Array): Result<ReleaseFile> {
  const decoded = decodeCbor(bytes);
  if (!decoded.ok) return refuse('release-file-invalid', decoded.rejection.detail);
  const parts = partsOf(decoded.value);
  if (parts === undefined) return refuse('release-file-invalid', 'it is no release of tinylamp');
  const { envelope, artifacts } = parts;
  const opened = openSign1(envelope, 'manifest');
  if (!opened.ok) return opened;
  const manifest = parseManifest(opened.value.payload);
  if (!manifest.ok) return manifest;
  const named = manifest.value.artifacts;
  if (artifacts.length !== named.length) {
    return refuse(
      'release-file-invalid',
      `${artifacts.length} artifacts, the manifest names ${named.length}`,
    );
  }
  const wrong = named.find(({ size }, i) => artifacts[i]?.length !== size);
  if (wrong !== undefined) return wrongArtifact(wrong);
  return accept({ envelope, manifest: manifest.value, artifacts });
}

/** Refuses a release file for the bytes of one artifact. */
export function wrongArtifact({ name }: { readonly name: string }): ReturnType<typeof refuse> {
  return refuse('release-file-invalid', `${name} is not what the manifest names`);
}

function partsOf(
  value: CborValue,
): { readonly envelope: Uint8Array; readonly artifacts: readonly Uint8Array[] } | undefined {
  if (!(value instanceof Tagged) || value.tag !== tag || !(value.value instanceof Map)) {
    return undefined;
  }
  const map = value.value as CborMap;
  const [name, envelope, artifacts] = [map.get(0), map.get(1), map.get(2)];
  if (name !== kind || !(envelope instanceof Uint8Array) || !Array.isArray(artifacts)) {
    return undefined;
  }
  const items = artifacts as readonly CborValue[];
  return items.every((item) => item instanceof Uint8Array)
    ? { envelope, artifacts: items }
    : undefined;
}
