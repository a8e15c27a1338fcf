import { createNodeCrypto } from '../agent/adapters/node-crypto.js';
import type { Scheduler } from '../agent/ports/scheduler.js';
import { createTopics } from '../protocol/topics.js';
import type { FieldTools } from '../operator/field/ask-device.js';
import { openKeyFolder } from '../operator/keys/key-folder.js';
import { connectBroker } from '../operator/publish/broker-client.js';
import { createBrokerTransport } from './broker-options.js';
import type { Arguments, Option } from './command.js';
import { systemRandomBytes } from '../operator/adapters/random-bytes.js';
import { createDiskFiles } from '../operator/adapters/disk-files.js';

/** The options of every command that asks devices. */
export const fieldOptions = {
  device: {
    type: 'text',
    describe: 'One device of the roster; all of them if not given.',
    alias: 'd',
  },
  slot: { type: 'text', describe: 'The slot.', alias: 's', required: true },
  timeout: {
    type: 'number',
    describe: 'Seconds that a device has for each answer.',
    default: 30,
  },
} as const satisfies Record<string, Option>;

/** The longest that a device is waited for: a command ends within the hour. */
const mostSeconds = 3_000;

/** A session with the broker, and what it takes to ask devices in it. Closing the client is the caller's. */
export async function openFieldTools(given: Arguments, scheduler: Scheduler): Promise<FieldTools> {
  const { key } = openKeyFolder(createDiskFiles(), given.requiredText('keys'));
  return {
    client: await connectBroker(createBrokerTransport(given, scheduler), scheduler),
    topics: createTopics(given.requiredText('prefix')),
    key,
    crypto: createNodeCrypto(),
    scheduler,
    wallMs: () => Date.now(),
    randomBytes: systemRandomBytes,
  };
}

/** Milliseconds that a device has for each answer. */
export function answerTimeoutMs(given: Arguments): number {
  return 1000 * given.wholeNumber('timeout', 1, mostSeconds);
}
