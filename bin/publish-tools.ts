import { randomBytes } from 'node:crypto';
import { createNodeCrypto } from '../agent/adapters/node-crypto.js';
import { createTopics } from '../protocol/topics.js';
import type { Scheduler } from '../agent/ports/scheduler.js';
import { takeTurns } from '../operator/keys/folder-turn.js';
import { openKeyFolder } from '../operator/keys/key-folder.js';
import { connectBroker } from '../operator/publish/broker-client.js';
import type { PublishTools } from '../operator/publish/publish-policy.js';
import { createBrokerTransport } from './broker-options.js';
import type { Arguments, Terminal } from './command.js';

/** A session with the broker, and what it takes to publish in it. Closing the client is the caller's. */
export async function openPublishTools(
  given: Arguments,
  terminal: Terminal,
  scheduler: Scheduler,
): Promise<PublishTools> {
  const folder = given.requiredText('keys');
  const keys = openKeyFolder(folder);
  const topics = createTopics(given.requiredText('prefix'));
  return {
    client: await connectBroker(createBrokerTransport(given, scheduler), scheduler),
    topics,
    keys,
    exclusively: takeTurns(folder, scheduler),
    crypto: createNodeCrypto(),
    wallMs: Date.now(),
    randomBytes: (length) => new Uint8Array(randomBytes(length)),
    progress: (message) => {
      terminal.progress(`publishing ${message}`);
    },
  };
}
