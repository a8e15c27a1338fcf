import { createNodeCrypto } from '../agent/adapters/node-crypto.js';
import { createTopics } from '../protocol/topics.js';
import type { Scheduler } from '../agent/ports/scheduler.js';
import { takeTurns } from '../operator/keys/folder-turn.js';
import { openKeyFolder } from '../operator/keys/key-folder.js';
import { connectBroker } from '../operator/publish/broker-client.js';
import type { PublishTools } from '../operator/publish/publish-tools.js';
import { createBrokerTransport } from './broker-options.js';
import type { Arguments, Option, Terminal } from './command.js';
import { systemRandomBytes } from '../operator/adapters/random-bytes.js';
import { createDiskFiles } from '../operator/adapters/disk-files.js';
import { tryFolderLock } from '../operator/adapters/folder-lock.js';

/** The option of every command that publishes. */
export const takeOverOption = {
  'take-over': {
    type: 'flag',
    describe:
      'Go on from newer documents on the broker that these keys have signed and this folder does not know.',
  },
} as const satisfies Record<string, Option>;

/** A session with the broker, and what it takes to publish in it. Closing the client is the caller's. */
export async function openPublishTools(
  given: Arguments,
  terminal: Terminal,
  scheduler: Scheduler,
): Promise<PublishTools> {
  const folder = given.requiredText('keys');
  const keys = openKeyFolder(createDiskFiles(), folder);
  const topics = createTopics(given.requiredText('prefix'));
  return {
    client: await connectBroker(createBrokerTransport(given, scheduler), scheduler),
    topics,
    keys,
    exclusively: takeTurns(tryFolderLock, folder, scheduler),
    crypto: createNodeCrypto(),
    wallMs: Date.now(),
    randomBytes: systemRandomBytes,
    progress: (message) => {
      terminal.progress(`publishing ${message}`);
    },
    notice: (message) => {
      terminal.notice(message);
    },
    takeOver: given.flag('take-over'),
  };
}
