import type { Exchange } from '../exchange.js';
import { toHex, sameBytes } from '../../../protocol/bytes.js';
import { limits } from '../../../protocol/limits.js';
import { ask, Signal, wait, type Process, type Tasks } from '../process.js';
import { accept, refuse, type Result } from '../../../protocol/result.js';

/** One transfer: bytes in numbered blocks, each with a truncated hash, all with a digest. */
export interface BlockTransfer {
  /** SHA-256 of all bytes. */
  readonly digest: Uint8Array;
  readonly size: number;
  readonly blockSize: number;
  /** The first 16 bytes of SHA-256 of each block, one after the other. */
  readonly blockHashes: Uint8Array;
}

export interface BlockFetchOptions {
  readonly tasks: Tasks;
  readonly exchange: Exchange;
  /** The topic of block n. */
  readonly topic: (block: number) => string;
  /** Called whenever a block was stored. */
  readonly stored: (blocks: number, of: number) => void;
}

const hashBytes = 16;

/**
 * Fetches the blocks of a transfer into `partial/<digest>`, a window of exact topics at a time, and ends
 * when all are there. What an earlier attempt stored is found again by hashing the partial file, so
 * that there is no map on disk that could be wrong. The digest of the whole is the caller's to check.
 *
 * Refuses with `block-invalid` (its hash differs: never fetched again in a loop), `block-missing`
 * (nothing retained), `subscription-refused`, or a storage code.
 */
export function* fetchBlocks(
  transfer: BlockTransfer,
  options: BlockFetchOptions,
): Process<Result<void>> {
  const missing = yield* findMissing(transfer);
  const window = new BlockWindow(transfer, missing, options);
  try {
    return yield* wait(window.outcome);
  } finally {
    window.close();
  }
}

/** The name of the file that holds what has come so far. */
export function partialName(transfer: BlockTransfer): string {
  return `partial/${toHex(transfer.digest)}`;
}

function* findMissing(transfer: BlockTransfer): Process<number[]> {
  const name = partialName(transfer);
  const file = yield* ask('read', { name, limitBytes: transfer.size });
  const bytes = file.ok ? file.value : undefined;
  const missing: number[] = [];
  for (let block = 0; block * transfer.blockSize < transfer.size; block++) {
    const stored = bytes?.subarray(...blockRange(transfer, block));
    const whole = stored !== undefined && stored.length === blockLength(transfer, block);
    if (!whole || !(yield* hashMatches(transfer, block, stored))) missing.push(block);
  }
  return missing;
}

interface OpenBlock {
  received: boolean;
  stopTimer: () => void;
  leave: () => void;
}

/** The blocks under way: at most `limits.blockWindow` subscriptions at a time. */
class BlockWindow {
  readonly outcome = new Signal<Result<void>>();
  readonly #transfer: BlockTransfer;
  readonly #queue: number[];
  readonly #options: BlockFetchOptions;
  readonly #total: number;
  /** Blocks that are subscribed or being stored, each with the way to stop waiting for it. */
  readonly #open = new Map<number, OpenBlock>();

  constructor(transfer: BlockTransfer, missing: readonly number[], options: BlockFetchOptions) {
    this.#transfer = transfer;
    this.#queue = [...missing];
    this.#options = options;
    this.#total = Math.ceil(transfer.size / transfer.blockSize);
    this.#fill();
  }

  close(): void {
    for (const { stopTimer, leave } of this.#open.values()) {
      stopTimer();
      leave();
    }
    this.#open.clear();
    this.#queue.length = 0;
  }

  #fill(): void {
    while (this.#open.size < limits.blockWindow) {
      const block = this.#queue.shift();
      if (block === undefined) break;
      this.#request(block);
    }
    if (this.#open.size === 0) this.outcome.give(accept(undefined));
  }

  #request(block: number): void {
    const { exchange, tasks, topic } = this.#options;
    const state: OpenBlock = {
      received: false,
      stopTimer: () => undefined,
      leave: () => undefined,
    };
    this.#open.set(block, state);
    state.leave = exchange.subscribe(topic(block), {
      subscribed: () => {
        state.stopTimer();
        if (state.received) return;
        state.stopTimer = tasks.after(limits.blockTimeoutMs, () => {
          this.outcome.give(
            refuse('block-missing', `no block ${block} of ${toHex(this.#transfer.digest)}`),
          );
        });
      },
      refused: (rejection) => {
        this.outcome.give({ ok: false, rejection });
      },
      message: (payload) => {
        // QoS 1 may bring a block twice.
        if (state.received) return;
        state.received = true;
        state.stopTimer();
        tasks.run(this.#store(block, payload));
      },
    });
  }

  *#store(block: number, payload: Uint8Array): Process<void> {
    const length = blockLength(this.#transfer, block);
    if (payload.length !== length || !(yield* hashMatches(this.#transfer, block, payload))) {
      const where = `block ${block} of ${toHex(this.#transfer.digest)}`;
      this.outcome.give(refuse('block-invalid', `${where} is not the one that the manifest names`));
      return;
    }
    // Nobody wants it any more, and what it would be written to may be removed already.
    if (!this.#open.has(block)) return;
    const written = yield* ask('writeAt', {
      name: partialName(this.#transfer),
      offset: block * this.#transfer.blockSize,
      bytes: payload,
    });
    if (this.outcome.given || !this.#open.has(block)) return;
    if (!written.ok) {
      this.outcome.give(written);
      return;
    }
    this.#open.get(block)?.leave();
    this.#open.delete(block);
    this.#options.stored(this.#total - this.#queue.length - this.#open.size, this.#total);
    this.#fill();
  }
}

function blockRange(transfer: BlockTransfer, block: number): [from: number, to: number] {
  const from = block * transfer.blockSize;
  return [from, Math.min(from + transfer.blockSize, transfer.size)];
}

function blockLength(transfer: BlockTransfer, block: number): number {
  const [from, to] = blockRange(transfer, block);
  return to - from;
}

function* hashMatches(transfer: BlockTransfer, block: number, bytes: Uint8Array): Process<boolean> {
  const digest = yield* ask('digest', { bytes });
  const expected = transfer.blockHashes.subarray(block * hashBytes, (block + 1) * hashBytes);
  return sameBytes(digest.subarray(0, hashBytes), expected);
}
