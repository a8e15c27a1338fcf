import type { AgentSettings, DriftSettings, SourceSettings } from './core/settings.js';
import process from 'node:process';
import type { AgentConfiguration } from './adapters/configuration/load.js';
import { createCronScheduler } from './adapters/cron-scheduler.js';
import { openDeviceKey } from './adapters/device-key-file.js';
import { compileWasmCore } from './adapters/engine/wasm-core.js';
import { createWorkerEngine } from './adapters/engine/worker-engine.js';
import { readFactoryFile } from './adapters/factory-file.js';
import { openFileStorage } from './adapters/file-storage.js';
import { MqttTransport } from './adapters/mqtt/transport.js';
import { createNodeCrypto } from './adapters/node-crypto.js';
import { createStandardErrorLog } from './adapters/log/standard-error-log.js';
import { createPlainCbor } from './adapters/plain-cbor.js';
import type { SourceConfiguration } from './adapters/configuration/schema.js';
import { createSource } from './adapters/sources/create-source.js';
import { rawFrameBytes } from './adapters/sources/raw-decoder.js';
import { lockStateDir } from './adapters/state-lock.js';
import { createSystemClock } from './adapters/system-clock.js';
import { createSystemEntropy } from './adapters/system-entropy.js';
import { Agent } from './core/agent.js';
import { spreadShare } from '../protocol/assignment/spread.js';
import { toHex } from '../protocol/bytes.js';
import { CodedError } from '../protocol/coded-error.js';
import { openSign } from '../protocol/cose/sign.js';
import { parseKeyset } from '../protocol/documents/keyset.js';
import type { Version } from '../protocol/documents/manifest.js';
import { limits } from '../protocol/limits.js';
import type { DeviceKey } from './ports/device-key.js';
import type { Scheduler } from './ports/scheduler.js';
import type { Storage } from './ports/storage.js';
import { Runtime, type Ports } from './runtime.js';

/** A running agent on the real world. */
export interface Gateway {
  /** Settles when a broken invariant ended the agent; never otherwise. */
  readonly failed: Promise<Error>;
  /** Ends in order: windows answered, presence offline, session closed. */
  stop(): Promise<void>;
}

/** How long an orderly end may take, and after it the last lines of the log: five seconds in all. */
const stopTimeoutMs = 4_000;
const flushTimeoutMs = 500;

/**
 * Starts the agent that a configuration describes. Throws what cannot be used, before anything runs.
 *
 * @param createEngine what runs the inference core
 */
export async function startGateway(
  configuration: AgentConfiguration,
  agentVersion: Version,
  createEngine: typeof createWorkerEngine = createWorkerEngine,
): Promise<Gateway> {
  const { deviceId, slots, telemetry } = configuration;
  checkKeyset(configuration);
  const { storage, unlock, deviceKey } = await openState(configuration);
  const plainCbor = createPlainCbor();
  const clock = createSystemClock();
  const log = createStandardErrorLog(deviceId, configuration.log.level);
  const scheduler = createCronScheduler();
  const transport = createTransport(configuration, scheduler);
  const ports: Ports = {
    clock,
    crypto: createNodeCrypto(),
    deviceKey,
    engine: createEngine(await compileWasmCore(memoryBytesOf(configuration)), configuration.engine),
    entropy: createSystemEntropy(),
    log,
    scheduler,
    storage,
    transport,
    sensor: (slot, form) => {
      const source = slots[slot]?.source;
      if (source === undefined) throw new Error(`there is no slot ${slot}`);
      const note = (event: string, fields: object): void => {
        log.info(event, { slot, ...fields });
      };
      return createSource(source, form, { transport, clock, note });
    },
    readFactory: (name) => {
      const slot = slots[name];
      if (slot?.factory === undefined) throw new Error(`slot ${name} has no factory release`);
      return readFactoryFile(slot.factory, slot.limits.imageBytes + limits.releaseFileBytes);
    },
    encodeCbor: (value) => plainCbor.encode(value),
    rssBytes: () => process.memoryUsage.rss(),
  };
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<Error>((resolve) => (fail = resolve));
  const agent = new Agent(settingsOf(configuration, agentVersion, deviceKey));
  const runtime = new Runtime(agent, ports, {
    telemetrySchedule: {
      expression: telemetry.schedule,
      timezone: telemetry.timezone,
      share: spreadShare(deviceId),
    },
    failed: (error) => {
      log.error('agent-failed', { error });
      void log.flush(flushTimeoutMs).then(() => {
        fail(error instanceof Error ? error : new Error(String(error)));
      });
    },
  });
  log.info('started', {
    version: agentVersion.join('.'),
    slots: Object.keys(slots),
    key: toHex(deviceKey.kid),
    stateDir: configuration.stateDir,
  });
  runtime.start();
  return {
    failed,
    async stop() {
      await runtime.stop(stopTimeoutMs);
      await unlock();
      await log.flush(flushTimeoutMs);
    },
  };
}

/** A file that is no keyset at all is a mistake of the owner, who is told at once. */
function checkKeyset({ trust }: AgentConfiguration): void {
  const envelope = openSign(trust.keyset, 'keyset');
  const keyset = envelope.ok ? parseKeyset(envelope.value.payload) : envelope;
  if (keyset.ok) return;
  const { code, detail } = keyset.rejection;
  throw new CodedError('configuration-invalid', `trust.keyset is no keyset (${code}: ${detail})`);
}

/** What the owner has to put right; anything else may pass, and whoever starts the agent again finds that it has. */
const ownersErrors: ReadonlySet<string> = new Set([
  'EACCES',
  'EEXIST',
  'ELOOP',
  'ENAMETOOLONG',
  'ENOTDIR',
  'EPERM',
  'EROFS',
]);

/** Takes the state directory for this process alone. */
async function openState({ stateDir, limits: local }: AgentConfiguration): Promise<{
  storage: Storage;
  deviceKey: DeviceKey;
  unlock: () => Promise<void>;
}> {
  try {
    const unlock = await lockStateDir(stateDir);
    const options = { folder: stateDir, storageBytes: local.storageBytes };
    const storage = await openFileStorage(options);
    return { storage, unlock, deviceKey: openDeviceKey(stateDir) };
  } catch (error) {
    // What the system says of the directory; a lock that is held has a code already.
    if (!(error instanceof Error) || !('syscall' in error)) throw error;
    const isOwners = ownersErrors.has((error as NodeJS.ErrnoException).code ?? '');
    throw new CodedError(
      isOwners ? 'configuration-invalid' : 'storage-failed',
      `stateDir cannot be used: ${error.message}`,
    );
  }
}

function createTransport(
  { deviceId, mqtt, limits: local }: AgentConfiguration,
  scheduler: Scheduler,
): MqttTransport {
  const [first, ...others] = mqtt.url;
  if (first === undefined) throw new Error('the configuration names no broker');
  return new MqttTransport({
    urls: [first, ...others],
    protocol: mqtt.protocol,
    clientId: deviceId,
    username: mqtt.username,
    password: mqtt.password,
    tls: mqtt.tls,
    packetBytes: limits.packetBytes,
    spoolBytes: local.spoolBytes,
    scheduler,
    entropy: createSystemEntropy(),
  });
}

/**
 * What an instance of the core may take, by the slot that allows most: the weights of a model, in another form
 * as well, its arena, and the core's own stack and tables. That is several times what honest models take,
 * and far from what starves a gateway.
 */
function memoryBytesOf({ slots }: AgentConfiguration): number {
  const most = Object.values(slots).map(
    ({ limits: { imageBytes, arenaBytes } }) => 4_194_304 + 16 * imageBytes + 2 * arenaBytes,
  );
  return Math.max(...most);
}

function settingsOf(
  configuration: AgentConfiguration,
  agentVersion: Version,
  { kid, publicKey }: DeviceKey,
): AgentSettings {
  const { deviceId, labels, mqtt, trust, telemetry, slots } = configuration;
  return {
    deviceId,
    labels,
    agentVersion,
    key: { kid, publicKey },
    prefix: mqtt.prefix,
    keyset: trust.keyset,
    telemetry: { encode: telemetry.encode },
    slots: new Map(
      Object.entries(slots).map(([name, slot]) => [
        name,
        {
          limits: slot.limits,
          source: sourceOf(slot),
          labelsTopic: slot.truth?.topic,
          factory: slot.factory !== undefined,
          drift: slot.drift && driftOf(slot.drift, slot.source),
          capture: slot.capture,
          sink: { topic: slot.sink.topic, encode: slot.sink.encode },
        },
      ]),
    ),
  };
}

type DriftConfiguration = NonNullable<AgentConfiguration['slots'][string]['drift']>;

/** A window of a topic is whole, or none: three periods of silence are a gap where its owner says nothing else. */
function sourceOf({
  source,
  limits: { periodMs },
}: AgentConfiguration['slots'][string]): SourceSettings {
  const message = { content: contentOf(source), maxBytes: source.maxBytes };
  switch (source.type) {
    case 'mqtt':
      return {
        ...message,
        topic: source.topic,
        gapMs: source.gapMs ?? 3 * periodMs,
        silentAfterMs: source.silentAfterMs,
      };
    case 'stdin':
      return { ...message, gapMs: source.gapMs };
    case 'file':
      return message;
  }
}

function driftOf(
  { scale: [low, high] = [], ...drift }: DriftConfiguration,
  { decode, element }: SourceConfiguration,
): DriftSettings {
  if (low !== undefined && high !== undefined) return { ...drift, scale: [low, high] };
  return { ...drift, scale: decode === 'raw' ? scaleOf(element) : undefined };
}

/** Where the scale of a source ends, where that follows from what it sends. */
function scaleOf(element: SourceConfiguration['element']): DriftSettings['scale'] {
  switch (element) {
    case 'int8':
      return [-128, 127];
    case 'uint8':
      return [0, 255];
    case 'int16':
      return [-32_768, 32_767];
    default:
      return undefined;
  }
}

function contentOf({ decode, fields, element }: SourceConfiguration): SourceSettings['content'] {
  switch (decode) {
    case 'bmp':
      return { kind: 'picture', packed: false };
    case 'png':
    case 'jpeg':
      return { kind: 'picture', packed: true };
    case 'wav':
      return { kind: 'sound' };
    case 'json':
      return { kind: 'fields', fields: fields?.length ?? 1 };
    case 'raw':
      return { kind: 'elements', elementBytes: rawFrameBytes(element ?? 'float32', 1) };
  }
}
