import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { parseDocument } from 'yaml';
import { CodedError } from '../../core/coded-error.js';
import type { TlsMaterial } from '../mqtt/connection.js';
import { checkConfiguration, type ConfigurationFile } from './schema.js';

/** What an agent is told by its owner, with all files that it names read. */
export interface AgentConfiguration extends Omit<ConfigurationFile, 'deviceId' | 'mqtt' | 'trust'> {
  readonly deviceId: string;
  readonly mqtt: Omit<ConfigurationFile['mqtt'], 'tls' | 'passwordFile'> & {
    readonly password: Uint8Array | undefined;
    readonly tls: TlsMaterial | undefined;
  };
  readonly trust: { readonly keyset: Uint8Array };
}

/** Files that a configuration names are small. */
const fileBytes = 1_048_576;

/**
 * Reads the YAML file of an agent. Paths in it are relative to its folder. Throws `configuration-invalid` or
 * `file-unreadable`.
 */
export function loadConfiguration(file: string): AgentConfiguration {
  const folder = path.dirname(path.resolve(file));
  const read = (name: string): Uint8Array => readSmallFile(path.resolve(folder, name));
  const { deviceId, mqtt, trust, ...rest } = checkConfiguration(parseYaml(file));
  const { passwordFile, tls, ...broker } = mqtt;
  const configuration: AgentConfiguration = {
    ...rest,
    stateDir: path.resolve(folder, rest.stateDir),
    deviceId: deviceId ?? safeHostName(),
    mqtt: {
      ...broker,
      // Editors end a file with a line break that is no part of the password.
      password: passwordFile === undefined ? undefined : withoutLineEnd(read(passwordFile)),
      tls: tls && {
        ca: tls.ca === undefined ? undefined : read(tls.ca),
        cert: tls.cert === undefined ? undefined : read(tls.cert),
        key: tls.key === undefined ? undefined : read(tls.key),
      },
    },
    trust: { keyset: read(trust.keyset) },
    slots: Object.fromEntries(
      Object.entries(rest.slots).map(([name, slot]) => {
        const { source } = slot;
        if (source.type !== 'file') return [name, slot];
        return [name, { ...slot, source: { ...source, path: path.resolve(folder, source.path) } }];
      }),
    ),
  };
  checkProduction(configuration);
  return Object.freeze(configuration);
}

function parseYaml(file: string): unknown {
  const text = new TextDecoder().decode(readSmallFile(file));
  const document = parseDocument(text, { uniqueKeys: true });
  const [error] = document.errors;
  if (error !== undefined)
    throw new CodedError('configuration-invalid', `${file}: ${error.message}`);
  // Aliases multiply: a few lines can stand for gigabytes.
  return document.toJS({ maxAliasCount: 16 }) as unknown;
}

function readSmallFile(file: string): Uint8Array {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > fileBytes) throw new Error(`it has more than ${fileBytes} bytes`);
    return new Uint8Array(bytes);
  } catch (error) {
    throw new CodedError(
      'file-unreadable',
      `${file}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function withoutLineEnd(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 10 || bytes[end - 1] === 13)) end--;
  return bytes.subarray(0, end);
}

/** The host name with everything replaced that cannot be part of a topic. */
function safeHostName(): string {
  return (
    hostname()
      .replace(/[^A-Za-z0-9_-]/g, '-')
      .slice(0, 64) || 'gateway'
  );
}

/** In production there are no conveniences: whoever can read the network must not read the password. */
function checkProduction({ production, mqtt }: AgentConfiguration): void {
  if (!production) return;
  const plain = mqtt.url.find((url) => !url.startsWith('mqtts://'));
  if (plain === undefined) return;
  throw new CodedError(
    'configuration-invalid',
    `mqtt.url must be mqtts:// where production is true; it is ${JSON.stringify(plain)}`,
  );
}
