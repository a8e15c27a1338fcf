import { describeDevices } from './fleet.js';
import { createOwnShard, type ShardPort } from './shard-port.js';
import type { ShardSetup } from './shard.js';
import { ThreadShard } from './thread-shard.js';

/** Makes the shards of a run: one in this thread, or several in threads of their own. Throws what making one throws. */
export function openShards(
  shards: number,
  setup: Omit<ShardSetup, 'shard' | 'shards'>,
): readonly ShardPort[] {
  if (shards === 1) return [createOwnShard({ ...setup, shard: 0, shards: 1 })];
  // What does not fit is refused here, where its code is heard.
  describeDevices(setup.scenario, setup.releases, setup.terms.remembers);
  const opened = Array.from(
    { length: shards },
    (_, shard) => new ThreadShard({ ...setup, shard, shards }),
  );
  // All begin at once, and are waited for.
  for (const shard of opened) shard.ready();
  return opened;
}
