import { checkBytes, checkInteger, checkList } from '../cbor/fields.js';
import type { CborValue } from '../cbor/value.js';

/** Names one release by its number and by what was signed, so that neither can be exchanged. */
export interface ReleaseRef {
  readonly sequence: number;
  /** SHA-256 of the signed manifest as carried. */
  readonly manifest: Uint8Array;
}

export function parseReleaseRef(value: CborValue, path: string): ReleaseRef {
  const [sequence, manifest] = checkList(value, [2, 2], path);
  return {
    sequence: checkInteger(sequence, [1, Number.MAX_SAFE_INTEGER], `${path}[0]`),
    manifest: checkBytes(manifest, [32, 32], `${path}[1]`),
  };
}

export function releaseRefValue({ sequence, manifest }: ReleaseRef): CborValue {
  return [sequence, manifest];
}
