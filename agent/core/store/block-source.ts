import { toHex } from '../../../protocol/bytes.js';
import { limits } from '../../../protocol/limits.js';
import type { WantMessage } from '../../../protocol/messages/want.js';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import type { Topics } from '../../../protocol/topics.js';
import type { Exchange } from '../exchange.js';
import { ask, type Process, type Tasks } from '../process.js';
import type { ArtifactFetch } from './artifact-fetch.js';
import { blockRange, isBlock, type BlockTransfer } from './blocks.js';
import { partialName } from './file-names.js';
import { fetchRetained } from './retained-fetch.js';

/** What a source over MQTT has of the device. */
export interface SourceWorld {
  readonly tasks: Tasks;
  readonly exchange: Exchange;
  readonly topics: Topics;
  readonly deviceId: string;
  /** Monotonic. */
  readonly nowMs: () => number;
}

/**
 * Fetches blocks of a transfer from the topics on which they are retained, into its partial file. Ends when all are
 * there; `stuck` where nothing comes any more and somebody wants the same bytes in other blocks. Refuses with a
 * storage code. Blocks that are missing (`block-missing`) or wrong (`block-invalid`) are told and waited for.
 */
export function* fetchBlocks(
  transfer: BlockTransfer,
  missing: readonly number[],
  fetch: ArtifactFetch,
  { tasks, exchange, topics, deviceId, nowMs }: SourceWorld,
): Process<Result<'all' | 'stuck'>> {
  const digest = toHex(transfer.digest);
  return yield* fetchRetained(
    {
      wanted: missing,
      topic: (block) => topics.block(digest, block),
      *check(block, payload) {
        if (yield* isBlock(transfer, block, payload)) return accept(undefined);
        return refuse('block-invalid', `block ${block} of ${digest} is not the one that is named`);
      },
      *keep(block, bytes) {
        const name = partialName(transfer.digest);
        const [offset] = blockRange(transfer, block);
        const written = yield* ask('writeAt', { name, offset, bytes });
        if (written.ok) fetch.progressed();
        return written;
      },
      missing: (block) => refuse('block-missing', `no block ${block} of ${digest}`).rejection,
      trouble: (rejection) => {
        fetch.tell(rejection);
      },
      request: (blocks) => {
        const want: WantMessage = {
          device: deviceId,
          blockSize: transfer.blockSize,
          blocks: blocks.slice(0, limits.wantedBlocks),
        };
        tasks.ask('publish', {
          channel: 'other',
          topic: topics.want(digest),
          payload: { json: want },
          retained: false,
        });
      },
      givesUp: () => fetch.hasOtherLayout(transfer),
    },
    tasks,
    exchange,
    fetch.backOff,
    nowMs,
  );
}
