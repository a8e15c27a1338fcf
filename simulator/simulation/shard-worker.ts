import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Shard } from './shard.js';
import {
  places,
  type ShardReply,
  type ShardRequest,
  type ShardThreadData,
} from './shard-message.js';

/**
 * The program of a thread with a shard. It waits where it stands and not in an event loop: nothing comes to it but what it is asked.
 */
const { setup, port, sent } = workerData as ShardThreadData;

function reply(message: ShardReply): void {
  port.postMessage(message);
  Atomics.add(sent, places.replies, 1);
  Atomics.notify(sent, places.replies);
}

function nextRequest(taken: number): ShardRequest {
  while (Atomics.load(sent, places.requests) === taken) Atomics.wait(sent, places.requests, taken);
  const received = receiveMessageOnPort(port) as { readonly message: ShardRequest };
  return received.message;
}

function answer(shard: Shard, request: Exclude<ShardRequest, { kind: 'close' }>): ShardReply {
  switch (request.kind) {
    case 'run':
      return { kind: 'ran', report: shard.run(request.orders) };
    case 'stands':
      return { kind: 'stands', stands: shard.stands() };
    case 'states':
      return { kind: 'states', states: shard.states() };
    case 'finish':
      return { kind: 'finished', violations: shard.end(request.end) };
  }
}

try {
  const shard = new Shard(setup);
  reply({ kind: 'made', nextMs: shard.nextMs });
  for (let taken = 0; ; taken++) {
    const request = nextRequest(taken);
    if (request.kind === 'close') break;
    reply(answer(shard, request));
  }
} catch (error) {
  reply({
    kind: 'failed',
    why: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
}
