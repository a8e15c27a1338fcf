import { blockHashBytes, type Transfer } from '../../protocol/documents/manifest.js';
import type { Crypto } from '../../agent/ports/crypto.js';

/** Fits every broker's packet limit that was found, and keeps a model of 300 KB at ten messages. */
export const defaultBlockSize = 32_768;

/** Describes the full transfer of an artifact in blocks over MQTT. */
export function describeTransfer(
  artifact: Uint8Array,
  blockSize: number,
  crypto: Crypto,
): Transfer {
  const blocks = splitBlocks(artifact, blockSize);
  const blockHashes = new Uint8Array(blocks.length * blockHashBytes);
  for (const [i, block] of blocks.entries()) {
    blockHashes.set(crypto.sha256(block).subarray(0, blockHashBytes), i * blockHashBytes);
  }
  return {
    kind: 'full',
    digest: crypto.sha256(artifact),
    size: artifact.length,
    blockSize,
    blockHashes,
    uri: undefined,
  };
}

/** The blocks of a transfer; the last may be shorter. */
export function splitBlocks(bytes: Uint8Array, blockSize: number): readonly Uint8Array[] {
  const blocks: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; from += blockSize) {
    blocks.push(bytes.subarray(from, from + blockSize));
  }
  return blocks;
}
