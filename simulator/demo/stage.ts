import path from 'node:path';
import { createCronScheduler } from '../../agent/adapters/cron-scheduler.js';
import { createInProcessEngine } from '../../agent/adapters/engine/in-process-engine.js';
import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { MqttTransport } from '../../agent/adapters/mqtt/transport.js';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { createPlainCbor } from '../../agent/adapters/plain-cbor.js';
import { createSystemEntropy } from '../../agent/adapters/system-entropy.js';
import type { Version } from '../../protocol/documents/manifest.js';
import { limits } from '../../protocol/limits.js';
import { createTopics } from '../../protocol/topics.js';
import { takeTurns } from '../../operator/keys/folder-turn.js';
import { createKeyFolder } from '../../operator/keys/key-folder.js';
import { generateSigningKey } from '../../agent/adapters/signing-key.js';
import { connectBroker, type BrokerClient } from '../../operator/publish/broker-client.js';
import type { PublishTools } from '../../operator/publish/publish-tools.js';
import { createLiveFleet } from '../live/live-fleet.js';
import { describeMachines } from '../live/machines.js';
import { Prng } from '../prng.js';
import { environments } from '../signals/environment.js';
import { VibrationSignal } from '../signals/vibration-signal.js';
import { Accelerometer } from './accelerometer.js';
import { startBroker } from './broker.js';
import { FleetFeed } from './fleet-feed.js';
import { startGatewayProcess } from './gateway-process.js';
import { Inspector, truthTopic } from './inspector.js';
import { Ledger } from './ledger.js';
import type { Narrator } from './narrator.js';
import { type StoryOptions } from './story.js';
import { Workshop } from './workshop.js';
import { createDiskFiles } from '../../operator/adapters/disk-files.js';
import { tryFolderLock } from '../../operator/adapters/folder-lock.js';
import { systemRandomBytes } from '../../operator/adapters/random-bytes.js';
import { RequestBox } from '../../operator/rollout/requests.js';
import { RolloutStore } from '../../operator/rollout/rollout-store.js';

export const prefix = 'tinylamp';
const slot = 'vibration';
const gatewayId = 'gateway-1';
const gatewayCondition = 'bearing-fault';
const sensorTopic = 'sensors/gateway-1/accel';
const windowFrames = 256;

/** Between two windows of a device. */
export const periodMs = 150;
/** Every second, as `reportMs` of the plan says. */
const telemetrySchedule = '* * * * * *';

/** How long it takes until somebody knows what a machine really suffers from. */
const inspectionMs = 300;

const stopTimeoutMs = 5_000;

export interface StageOptions {
  /** Simulated devices, besides the real agent. */
  readonly devices: number;
  readonly seed: number;
  /** Of the embedded broker; 0 takes any. */
  readonly port: number;
  readonly agentVersion: Version;
}

/** Everything that the story is played on. */
export interface Stage {
  readonly broker: string;
  readonly ledger: Ledger;
  readonly workshop: Workshop;
  readonly publish: Omit<PublishTools, 'progress'>;
  readonly rollout: StoryOptions['rollout'];
  /** What each machine really suffers from, by device. */
  readonly truth: ReadonlyMap<string, string>;
}

/** Starts broker, operator, agent process, sensor and fleet; `closers` get how each is ended, in order. */
export async function openStage(
  folder: string,
  options: StageOptions,
  narrator: Narrator,
  crashes: string[],
  closers: (() => Promise<unknown>)[],
): Promise<Stage> {
  const broker = await startBroker(options.port);
  closers.push(() => broker.close());
  const keyFolder = path.join(folder, 'keys');
  const files = createDiskFiles();
  const keys = createKeyFolder(files, keyFolder, generateSigningKey(), Date.now());
  const core = await compileWasmCore();
  const topics = createTopics(prefix);
  const devices = describeMachines({
    ...options,
    environment: 'field',
    periodMs,
    framesPerBurst: windowFrames,
    truthTopicOf: truthTopic,
  });
  const fleet = createLiveFleet({
    agentVersion: options.agentVersion,
    devices,
    broker: { urls: [broker.url] },
    prefix,
    slot,
    periodMs,
    telemetrySchedule,
    keyset: keys.keyset,
    core,
    failed: (device, error) => crashes.push(`${device}: ${String(error)}`),
  });
  const truth = new Map<string, string>([
    [gatewayId, gatewayCondition],
    ...devices.map(({ deviceId, condition }) => [deviceId, condition] as const),
  ]);
  const inspector = new Inspector(
    await connect(broker.url, 'inspector'),
    truth,
    inspectionMs,
    () => undefined,
  );
  closers.push(() => inspector.stop());
  const feed = new FleetFeed(topics);
  const ledger = new Ledger({
    topics,
    truth,
    codec: createPlainCbor(),
    listener: (event) => {
      narrator.event(event);
    },
    now: () => Date.now(),
    answered: (deviceId, boot, window) => {
      inspector.answered(deviceId, boot, window);
    },
  });
  broker.observe((topic, payload) => {
    ledger.take(topic, payload);
    feed.take(topic, payload);
  });
  const operator = await connect(broker.url, 'operator');
  closers.push(() => operator.close());
  const gateway = startGatewayProcess({
    folder,
    deviceId: gatewayId,
    broker: broker.url,
    prefix,
    slot,
    sensorTopic,
    keyset: path.join(keyFolder, 'keyset.cbor'),
    truthTopic: truthTopic(gatewayId),
    telemetrySchedule,
  });
  closers.push(async () => {
    const ended = await gateway.stop();
    if (ended !== 'in order') crashes.push(`${gatewayId}: ${ended}`);
  });
  fleet.start();
  closers.push(() => fleet.stop(stopTimeoutMs));
  const accelerometer = await startAccelerometer(broker.url, options.seed);
  closers.push(() => accelerometer.stop());
  const crypto = createNodeCrypto();
  const workshop = new Workshop({
    engine: createInProcessEngine(core),
    crypto,
    key: keys.key,
    stranger: generateSigningKey(),
    slot,
  });
  const publish = {
    client: operator,
    topics,
    keys,
    exclusively: takeTurns(tryFolderLock, keyFolder, createCronScheduler()),
    crypto,
    wallMs: Date.now(),
    randomBytes: systemRandomBytes,
    notice: () => undefined,
  };
  const rollout = {
    slot,
    devices: [...truth.keys()],
    store: new RolloutStore(files, keyFolder),
    requests: new RequestBox(files, keyFolder, slot),
    scheduler: createCronScheduler(),
    feed,
  };
  return { broker: broker.url, ledger, workshop, publish, rollout, truth };
}

function connect(url: string, clientId: string): Promise<BrokerClient> {
  const scheduler = createCronScheduler();
  const transport = new MqttTransport({
    urls: [url],
    protocol: 'auto',
    clientId,
    packetBytes: limits.packetBytes,
    spoolBytes: 16_777_216,
    scheduler,
    entropy: createSystemEntropy(),
  });
  return connectBroker(transport, scheduler);
}

async function startAccelerometer(url: string, seed: number): Promise<Accelerometer> {
  const signal = new VibrationSignal(
    environments.field,
    gatewayCondition,
    Prng.fromSeed(seed).fork(0xffffffff),
  );
  const accelerometer = new Accelerometer(
    await connect(url, 'accelerometer'),
    sensorTopic,
    signal,
    windowFrames,
  );
  // A burst that the broker does not take is missing like any other lost sample.
  accelerometer.start(periodMs, () => undefined);
  return accelerometer;
}
