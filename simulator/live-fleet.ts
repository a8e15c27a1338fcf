import { refuse } from '../protocol/result.js';
import type { AgentSettings } from '../agent/core/settings.js';
import { createCronScheduler } from '../agent/adapters/cron-scheduler.js';
import { createInProcessEngine } from '../agent/adapters/engine/in-process-engine.js';
import { MqttTransport } from '../agent/adapters/mqtt/transport.js';
import { createNodeCrypto } from '../agent/adapters/node-crypto.js';
import { createPlainCbor } from '../agent/adapters/plain-cbor.js';
import { createSystemClock } from '../agent/adapters/system-clock.js';
import { createSystemEntropy } from '../agent/adapters/system-entropy.js';
import type { Version } from '../protocol/documents/manifest.js';
import { spreadShare } from '../protocol/assignment/spread.js';
import { limits } from '../protocol/limits.js';
import type { DeviceKey } from '../agent/ports/device-key.js';
import type { Log } from '../agent/ports/log.js';
import { createGeneratedSensor } from './ports/generated-sensor.js';
import { createMemoryDisk, createMemoryStorage } from './ports/memory-storage.js';
import { createSeededKey } from './ports/seeded-key.js';
import { Prng } from './prng.js';
import { conditions, type Condition } from './signals/condition.js';
import { environments, type EnvironmentName } from './signals/environment.js';
import { channels } from './signals/accelerometer.js';
import { VibrationSignal } from './signals/vibration-signal.js';
import { createSimulatedDevice, type SimulatedDevice } from './simulated-device.js';

export interface LiveFleetOptions {
  /** Every device and every signal follow from it; real sockets and the real clock do not. */
  readonly seed: number;
  readonly devices: number;
  readonly broker: string;
  readonly prefix: string;
  readonly slot: string;
  readonly environment: EnvironmentName;
  /** Where a device hears the true labels of its windows, if anybody tells. */
  readonly labelsTopic?: (deviceId: string) => string;
  /** Between two bursts of samples. */
  readonly periodMs: number;
  /** Frames of a burst: a window, as battery-powered sensors send it. */
  readonly framesPerBurst: number;
  readonly telemetrySchedule: string;
  readonly keyset: Uint8Array;
  readonly agentVersion: Version;
  readonly core: WebAssembly.Module;
  readonly log: Log;
  /** Called where a device breaks an invariant. */
  readonly failed: (deviceId: string, error: unknown) => void;
}

/** Devices of one process on real sockets. */
export interface LiveFleet {
  readonly devices: readonly FleetDevice[];
  start(): void;
  stop(timeoutMs: number): Promise<void>;
}

export interface FleetDevice extends SimulatedDevice {
  /** What its machine really suffers from. */
  readonly condition: Condition;
}

/** What a device may use: an MCU-class gateway. */
const deviceLimits = { arenaBytes: 262_144, imageBytes: 1_048_576 };
const storageBytes = 4_194_304;
const spoolBytes = 1_048_576;

/** Makes a fleet whose machines suffer from each condition in turn. */
export function createLiveFleet(options: LiveFleetOptions): LiveFleet {
  const prng = Prng.fromSeed(options.seed);
  const devices = Array.from({ length: options.devices }, (_, i) =>
    createDevice(i, prng.fork(i), options),
  );
  return {
    devices,
    start() {
      for (const device of devices) device.start();
    },
    async stop(timeoutMs) {
      await Promise.all(devices.map((device) => device.stop(timeoutMs)));
    },
  };
}

function createDevice(index: number, prng: Prng, options: LiveFleetOptions): FleetDevice {
  const deviceId = `sim-${String(index + 1).padStart(4, '0')}`;
  const condition = conditions[index % conditions.length] ?? 'normal';
  const clock = createSystemClock();
  const scheduler = createCronScheduler();
  const plainCbor = createPlainCbor();
  const signal = new VibrationSignal(environments[options.environment], condition, prng.fork(0));
  const deviceKey = createSeededKey(`${options.seed}/${deviceId}`);
  const firstMs = prng.uniform(0, options.periodMs);
  const device = createSimulatedDevice(
    settingsOf(deviceId, deviceKey, options),
    {
      clock,
      scheduler,
      crypto: createNodeCrypto(),
      deviceKey,
      engine: createInProcessEngine(options.core),
      entropy: prng.fork(1),
      log: options.log,
      storage: createMemoryStorage({ disk: createMemoryDisk(), storageBytes }),
      transport: new MqttTransport({
        urls: [options.broker],
        protocol: 'auto',
        clientId: deviceId,
        packetBytes: limits.packetBytes,
        spoolBytes,
        scheduler,
        entropy: createSystemEntropy(),
      }),
      sensor: () =>
        createGeneratedSensor({
          signal,
          valuesPerDelivery: options.framesPerBurst * channels,
          periodMs: options.periodMs,
          firstMs,
          clock,
          scheduler,
        }),
      readFactory: () => Promise.resolve(refuse('file-unreadable', 'a simulated device has none')),
      encodeCbor: (value) => plainCbor.encode(value),
      rssBytes: () => 0,
    },
    {
      expression: options.telemetrySchedule,
      timezone: 'UTC',
      share: spreadShare(deviceId),
    },
    (error) => {
      options.failed(deviceId, error);
    },
  );
  return { ...device, condition };
}

function settingsOf(
  deviceId: string,
  { kid, publicKey }: DeviceKey,
  options: LiveFleetOptions,
): AgentSettings {
  const { prefix, keyset, agentVersion, slot, periodMs } = options;
  return {
    deviceId,
    labels: { class: 'simulated' },
    agentVersion,
    key: { kid, publicKey },
    prefix,
    keyset,
    telemetry: { encode: 'cbor' },
    slots: new Map([
      [
        slot,
        {
          limits: { ...deviceLimits, periodMs },
          labelsTopic: options.labelsTopic?.(deviceId),
          sink: { topic: undefined, encode: 'json' },
        },
      ],
    ]),
  };
}
