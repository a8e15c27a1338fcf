import {
  MessageChannel,
  receiveMessageOnPort,
  Worker,
  type MessagePort,
} from 'node:worker_threads';
import type { RunEnd } from '../checkers/checker.js';
import type { Violation } from '../checkers/inspection.js';
import type { ShardPort } from './shard-port.js';
import {
  places,
  type ShardReply,
  type ShardRequest,
  type ShardThreadData,
} from './shard-message.js';
import type { DeviceStand, DeviceState, ShardOrders, ShardReport, ShardSetup } from './shard.js';

/** What one shard may take. Much of what a device makes is needed for a moment only: a large young generation costs less time. */
const resourceLimits = { maxOldGenerationSizeMb: 16_384, maxYoungGenerationSizeMb: 192 };

/** A shard that says nothing for so long has ended: a step of it takes milliseconds, and making it a minute. */
const patienceMs = 600_000;

/** A shard in a thread of its own. Whoever waits for it stands still meanwhile: the order of a run is not for the threads to say. */
export class ThreadShard implements ShardPort {
  nextMs: number | undefined;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #sent = new Int32Array(new SharedArrayBuffer(8));
  #taken = 0;

  constructor(setup: ShardSetup) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const workerData: ShardThreadData = { setup, port: port2, sent: this.#sent };
    this.#worker = new Worker(new URL('./shard-worker.js', import.meta.url), {
      workerData,
      transferList: [port2],
      resourceLimits,
    });
  }

  /** Waits until it is made. Throws what making it throws. */
  ready(): void {
    const reply = this.#take('made');
    this.nextMs = reply.nextMs;
  }

  begin(orders: ShardOrders): void {
    this.#ask({ kind: 'run', orders });
  }

  end(): ShardReport {
    const { report } = this.#take('ran');
    this.nextMs = report.nextMs;
    return report;
  }

  states(): readonly DeviceState[] {
    this.#ask({ kind: 'states' });
    return this.#take('states').states;
  }

  stands(): readonly DeviceStand[] {
    this.#ask({ kind: 'stands' });
    return this.#take('stands').stands;
  }

  finish(end: RunEnd): readonly Violation[] {
    this.#ask({ kind: 'finish', end });
    return this.#take('finished').violations;
  }

  close(): void {
    this.#ask({ kind: 'close' });
    this.#port.close();
    void this.#worker.terminate();
  }

  #ask(request: ShardRequest): void {
    this.#port.postMessage(request);
    Atomics.add(this.#sent, places.requests, 1);
    Atomics.notify(this.#sent, places.requests);
  }

  #take<K extends ShardReply['kind']>(kind: K): Extract<ShardReply, { kind: K }> {
    while (Atomics.load(this.#sent, places.replies) === this.#taken) {
      if (Atomics.wait(this.#sent, places.replies, this.#taken, patienceMs) === 'timed-out')
        throw new Error('a shard does not answer any more');
    }
    this.#taken++;
    const received = receiveMessageOnPort(this.#port) as
      { readonly message: ShardReply } | undefined;
    const reply = received?.message;
    if (reply?.kind === 'failed') throw new Error(reply.why);
    if (reply?.kind !== kind)
      throw new Error(`a shard says ${reply?.kind ?? 'nothing'} instead of ${kind}`);
    return reply as Extract<ShardReply, { kind: K }>;
  }
}
