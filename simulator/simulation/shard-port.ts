import type { RunEnd } from '../checkers/checker.js';
import type { Violation } from '../checkers/inspection.js';
import {
  Shard,
  type DeviceStand,
  type DeviceState,
  type ShardOrders,
  type ShardReport,
  type ShardSetup,
} from './shard.js';

/** A shard, wherever it runs. */
export interface ShardPort {
  /** When something is due next there; undefined where nothing is. */
  readonly nextMs: number | undefined;
  /** Lets it go on; it may do so while others do. */
  begin(orders: ShardOrders): void;
  /** Waits until it has got there. */
  end(): ShardReport;
  states(): readonly DeviceState[];
  stands(): readonly DeviceStand[];
  /** The run is over. @param end with the devices of the shard only */
  finish(end: RunEnd): readonly Violation[];
  close(): void;
}

/** A shard in this thread. It goes on where it is waited for. */
export function createOwnShard(setup: ShardSetup): ShardPort {
  const shard = new Shard(setup);
  let given: ShardOrders | undefined;
  return {
    get nextMs() {
      return shard.nextMs;
    },
    begin: (orders) => {
      given = orders;
    },
    end: () => {
      if (given === undefined) throw new Error('the shard was not told where to');
      return shard.run(given);
    },
    states: () => shard.states(),
    stands: () => shard.stands(),
    finish: (end) => shard.end(end),
    close: () => undefined,
  };
}
