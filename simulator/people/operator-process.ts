import type { Clock } from '../../agent/ports/clock.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';
import type { Transport } from '../../agent/ports/transport.js';
import { openKeyFolder, type KeyFolder } from '../../operator/keys/key-folder.js';
import { connectBroker } from '../../operator/publish/broker-client.js';
import type { PublishTools } from '../../operator/publish/publish-tools.js';
import { RequestBox } from '../../operator/rollout/requests.js';
import { RolloutStore } from '../../operator/rollout/rollout-store.js';
import { MemoryFiles, type MemoryTree } from '../ports/memory-files.js';
import type { ProcessLife } from '../ports/process-life.js';
import type { Prng } from '../prng.js';
import type { Lane } from '../time/lane.js';

/** One process of the operator: it sees files and time as long as it lives. */
export interface OperatorProcess {
  readonly life: ProcessLife;
  readonly keys: KeyFolder;
  readonly store: RolloutStore;
  readonly requests: RequestBox;
  readonly scheduler: Scheduler;
}

/** The place of the operator's files, which outlive its processes. */
export interface OperatorDisk {
  readonly tree: MemoryTree;
  readonly keyFolder: string;
}

/** Starts a process. */
export function startProcess(
  { tree, keyFolder }: OperatorDisk,
  slot: string,
  lane: Lane,
  life: ProcessLife,
): OperatorProcess {
  const files = new MemoryFiles(tree, life);
  return {
    life,
    keys: openKeyFolder(files, keyFolder),
    store: new RolloutStore(files, keyFolder),
    requests: new RequestBox(files, keyFolder, slot),
    scheduler: mortal(lane, life),
  };
}

/** What is left of a killed process may unwind, and waits for nothing any more. */
function mortal(lane: Lane, life: ProcessLife): Scheduler {
  return {
    after: (delayMs, wake) => (life.isOver ? () => undefined : lane.after(delayMs, wake)),
    cron: (schedule, wake) => (life.isOver ? () => undefined : lane.cron(schedule, wake)),
  };
}

/** Does the work of a process with a session of its own, as the operator's commands do. */
export async function withTools<T>(
  { life, keys, scheduler }: OperatorProcess,
  transport: Transport,
  world: Pick<PublishTools, 'crypto' | 'topics' | 'notice' | 'takeOver'> & {
    readonly clock: Clock;
    readonly prng: Prng;
  },
  work: (tools: PublishTools) => Promise<T>,
): Promise<T> {
  const { clock, crypto, prng, topics, notice, takeOver = false } = world;
  const client = await connectBroker(transport, scheduler);
  try {
    return await work({
      client: {
        ...client,
        // Asynchronous as it is, what was sent may have arrived or not.
        publish: async (topic, payload) => life.write(() => client.publish(topic, payload)),
      },
      topics,
      keys,
      // One operator, whose commands come one after the other.
      exclusively: async (work) => work(),
      crypto,
      wallMs: clock.wallMs(),
      randomBytes: (length) => Uint8Array.from({ length }, () => prng.below(256)),
      progress: () => undefined,
      notice,
      takeOver,
    });
  } finally {
    await client.close();
  }
}
