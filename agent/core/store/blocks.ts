import { sameBytes } from '../../../protocol/bytes.js';
import { blockHashBytes, type Transfer } from '../../../protocol/documents/manifest.js';
import { ask, type Process } from '../process.js';

/** A transfer as numbered blocks, each with a truncated hash, all with a digest. */
export type BlockTransfer = Pick<Transfer, 'digest' | 'size' | 'blockSize' | 'blockHashes'>;

/** Where a block begins, and where it ends. */
export function blockRange(
  { size, blockSize }: BlockTransfer,
  block: number,
): [from: number, to: number] {
  const from = block * blockSize;
  return [from, Math.min(from + blockSize, size)];
}

/** Whether these bytes are this block. */
export function* isBlock(
  transfer: BlockTransfer,
  block: number,
  bytes: Uint8Array,
): Process<boolean> {
  const [from, to] = blockRange(transfer, block);
  if (bytes.length !== to - from) return false;
  const digest = yield* ask('digest', { bytes });
  const expected = transfer.blockHashes.subarray(
    block * blockHashBytes,
    (block + 1) * blockHashBytes,
  );
  return sameBytes(digest.subarray(0, blockHashBytes), expected);
}

/**
 * The blocks that a file does not hold; all of them where there is no file. Hashing the file is the only way to
 * know: there is no map on disk that could be wrong.
 */
export function* findMissingBlocks(
  transfer: BlockTransfer,
  file: Uint8Array | undefined,
): Process<number[]> {
  const missing: number[] = [];
  for (let block = 0; block * transfer.blockSize < transfer.size; block++) {
    const bytes = file?.subarray(...blockRange(transfer, block));
    if (bytes === undefined || !(yield* isBlock(transfer, block, bytes))) missing.push(block);
  }
  return missing;
}

/** Whether two transfers of the same bytes cut them in the same way. */
export function isSameLayout(a: BlockTransfer, b: BlockTransfer): boolean {
  return a.blockSize === b.blockSize && sameBytes(a.blockHashes, b.blockHashes);
}
