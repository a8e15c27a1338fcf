import { hostname } from 'node:os';
import path from 'node:path';
import { CodedError } from '../../../protocol/coded-error.js';
import { checkSchedule } from '../schedule/cron-schedule.js';
import type { TlsMaterial } from '../mqtt/connection.js';
import { checkTopics } from './check-topics.js';
import { checkConfiguration, type ConfigurationFile } from './schema.js';
import { readPasswordFile } from './password-file.js';
import { readSmallFile } from './small-file.js';
import { parseYaml } from '../yaml.js';

/** What an agent is told by its owner, with all files that it names read. */
export interface AgentConfiguration extends Omit<ConfigurationFile, 'deviceId' | 'mqtt' | 'trust'> {
  readonly deviceId: string;
  readonly mqtt: Omit<ConfigurationFile['mqtt'], 'tls' | 'passwordFile'> & {
    readonly password: Uint8Array | undefined;
    readonly tls: TlsMaterial | undefined;
  };
  readonly trust: { readonly keyset: Uint8Array };
}

/**
 * Reads the YAML file of an agent, and the files that it names. Paths in it are relative to its folder. Throws
 * `configuration-invalid` or `schedule-invalid`.
 */
export function loadConfiguration(file: string): AgentConfiguration {
  const folder = path.dirname(path.resolve(file));
  const { deviceId: named, mqtt, trust, ...rest } = checkConfiguration(readYaml(file));
  const deviceId = named ?? safeDeviceId(hostname());
  checkSchedule(rest.telemetry.schedule);
  checkBroker(mqtt, rest.production);
  checkSources(rest.slots);
  checkTopics(deviceId, mqtt.prefix, rest.slots);
  const read = (key: string, name: string, readFile = readSmallFile): Uint8Array => {
    try {
      return readFile(path.resolve(folder, name));
    } catch (error) {
      throw invalid(`${key} names a file that cannot be read: ${messageOf(error)}`);
    }
  };
  const readIfNamed = (key: string, name: string | undefined): Uint8Array | undefined =>
    name === undefined ? undefined : read(key, name);
  const { passwordFile, tls, ...broker } = mqtt;
  const password =
    passwordFile === undefined
      ? undefined
      : read('mqtt.passwordFile', passwordFile, readPasswordFile);
  return Object.freeze({
    ...rest,
    stateDir: path.resolve(folder, rest.stateDir),
    deviceId,
    mqtt: {
      ...broker,
      password,
      tls: tls && {
        ca: readIfNamed('mqtt.tls.ca', tls.ca),
        cert: readIfNamed('mqtt.tls.cert', tls.cert),
        key: readIfNamed('mqtt.tls.key', tls.key),
      },
    },
    trust: { keyset: read('trust.keyset', trust.keyset) },
    slots: Object.fromEntries(
      Object.entries(rest.slots).map(([name, slot]) => {
        const { source, factory } = slot;
        const resolved = {
          ...slot,
          // Not read yet: it is the last resort, and whether it is there must not keep the first from serving.
          ...(factory !== undefined && { factory: path.resolve(folder, factory) }),
        };
        if (source.type !== 'file') return [name, resolved];
        const whole = path.resolve(folder, source.path);
        return [name, { ...resolved, source: { ...source, path: whole } }];
      }),
    ),
  });
}

/** A host name with everything replaced that cannot be part of a topic. */
export function safeDeviceId(host: string): string {
  return host.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, 64) || 'gateway';
}

function readYaml(file: string): unknown {
  try {
    return parseYaml(new TextDecoder('utf-8', { fatal: true }).decode(readSmallFile(file)));
  } catch (error) {
    throw invalid(`${file} cannot be read: ${messageOf(error)}`);
  }
}

/** What no single key shows. */
function checkBroker(mqtt: ConfigurationFile['mqtt'], production: boolean): void {
  const { url: urls, username, passwordFile, tls } = mqtt;
  if (passwordFile !== undefined && username === undefined) {
    throw invalid('mqtt.passwordFile needs mqtt.username beside it');
  }
  if ((tls?.cert === undefined) !== (tls?.key === undefined)) {
    throw invalid('mqtt.tls.cert and mqtt.tls.key belong together; one of them is missing');
  }
  const plain = urls.find((url) => !url.startsWith('mqtts://'));
  if (plain === undefined) return;
  if (tls !== undefined) {
    throw invalid(`mqtt.url must be mqtts:// where mqtt.tls is given; it is ${quote(plain)}`);
  }
  // Whoever can read the network must not read the password.
  if (production) {
    throw invalid(`mqtt.url must be mqtts:// where production is true; it is ${quote(plain)}`);
  }
}

/** What can be read only once can serve only one slot. */
function checkSources(slots: ConfigurationFile['slots']): void {
  let reader: string | undefined;
  for (const [name, { source }] of Object.entries(slots)) {
    if (source.type !== 'stdin') continue;
    if (reader !== undefined) {
      throw invalid(
        `slots.${name}.source must not read standard input, which slots.${reader} reads`,
      );
    }
    reader = name;
  }
}

function invalid(detail: string): CodedError {
  return new CodedError('configuration-invalid', detail);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function quote(text: string): string {
  return JSON.stringify(text);
}
