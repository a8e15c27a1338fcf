import { toHex } from '../../../protocol/bytes.js';

/** The name of the file that holds a signed manifest. */
export function manifestName(manifest: string): string {
  return `manifests/${manifest}`;
}

/** The name of the file that holds an artifact, whole and verified when it was stored. */
export function imageName(digest: Uint8Array): string {
  return `images/${toHex(digest)}`;
}

/** The name of the file that holds what has come of a transfer so far. */
export function partialName(digest: Uint8Array): string {
  return `partial/${toHex(digest)}`;
}
