import { randomBytes } from 'node:crypto';
import { readPasswordFile } from '../agent/adapters/configuration/password-file.js';
import { MqttTransport, type MqttTransportOptions } from '../agent/adapters/mqtt/transport.js';
import { createSystemEntropy } from '../agent/adapters/system-entropy.js';
import { CodedError } from '../protocol/coded-error.js';
import { limits } from '../protocol/limits.js';
import type { Scheduler } from '../agent/ports/scheduler.js';
import { checkBrokerUrl } from './broker-url.js';
import type { Arguments, Option } from './command.js';
import { readNamedFile } from './files.js';

/** The option of every command that names topics. */
export const prefixOption = {
  prefix: { type: 'text', describe: 'The first part of every topic.', default: 'tinylamp' },
} as const satisfies Record<string, Option>;

/** What a broker may ask for. */
export const credentialOptions = {
  username: { type: 'text', describe: 'The name that the broker knows.' },
  'password-file': { type: 'text', describe: 'A file with the password.' },
  ca: { type: 'text', describe: 'A PEM file with the authority of the broker.' },
} as const satisfies Record<string, Option>;

/** The options of every operator's command that speaks with a broker. */
export const brokerOptions = {
  broker: {
    type: 'text',
    describe: 'mqtt://HOST:PORT or mqtts://HOST:PORT',
    alias: 'b',
    required: true,
  },
  ...prefixOption,
  ...credentialOptions,
} as const satisfies Record<string, Option>;

/** What waits for a session may be a whole release. */
const spoolBytes = 67_108_864;

/** What a session with the broker takes. */
export type BrokerTerms = Pick<MqttTransportOptions, 'urls' | 'username' | 'password' | 'tls'>;

/** The broker that was named, and what it asks for. Throws `usage-invalid` and `file-unreadable`. */
export function readBrokerTerms(given: Arguments): BrokerTerms {
  const passwordFile = given.text('password-file');
  const ca = given.text('ca');
  return {
    urls: [checkBrokerUrl(given.requiredText('broker'))],
    username: given.text('username'),
    password: passwordFile === undefined ? undefined : readPassword(passwordFile),
    tls: ca === undefined ? undefined : { ca: readNamedFile(ca) },
  };
}

/** A transport to the broker that was named; not open yet. Throws `usage-invalid` and `file-unreadable`. */
export function createBrokerTransport(given: Arguments, scheduler: Scheduler): MqttTransport {
  return createTransport(readBrokerTerms(given), scheduler);
}

/** The same for terms that are read already. */
export function createTransport(terms: BrokerTerms, scheduler: Scheduler): MqttTransport {
  return new MqttTransport({
    ...terms,
    protocol: 'auto',
    clientId: `operator-${randomBytes(6).toString('hex')}`,
    packetBytes: limits.packetBytes,
    spoolBytes,
    scheduler,
    entropy: createSystemEntropy(),
  });
}

/** Throws `file-unreadable`. */
function readPassword(file: string): Uint8Array {
  try {
    return readPasswordFile(file);
  } catch (error) {
    throw new CodedError('file-unreadable', error instanceof Error ? error.message : String(error));
  }
}
