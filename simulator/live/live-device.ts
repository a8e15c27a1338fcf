import { createInProcessEngine } from '../../agent/adapters/engine/in-process-engine.js';
import { MqttTransport, type MqttTransportOptions } from '../../agent/adapters/mqtt/transport.js';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { createPlainCbor } from '../../agent/adapters/plain-cbor.js';
import { createSystemEntropy } from '../../agent/adapters/system-entropy.js';
import type { Clock } from '../../agent/ports/clock.js';
import type { DeviceKey } from '../../agent/ports/device-key.js';
import type { Entropy } from '../../agent/ports/entropy.js';
import type { Log } from '../../agent/ports/log.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';
import type { Sensor } from '../../agent/ports/sensor.js';
import type { Storage } from '../../agent/ports/storage.js';
import type { Message } from '../../agent/ports/transport.js';
import { spreadShare } from '../../protocol/assignment/spread.js';
import type { Version } from '../../protocol/documents/manifest.js';
import { limits } from '../../protocol/limits.js';
import { refuse, type Rejection, type Result } from '../../protocol/result.js';
import type { HostLimits } from '../devices/device-host.js';
import { deviceSettings } from '../devices/device-settings.js';
import type { WindowSource } from '../devices/window-source.js';
import { createGeneratedSensor } from '../ports/generated-sensor.js';
import { createSimulatedDevice, type SimulatedDevice } from '../simulated-device.js';

/** One device of a live fleet. */
export interface LiveDescription {
  readonly deviceId: string;
  /** Strata, and what selectors of expectations ask for. */
  readonly labels: Readonly<Record<string, string>>;
  /** The names of its board and of its link, where a scenario gives them. */
  readonly profile?: string | undefined;
  readonly link?: string | undefined;
  readonly limits: HostLimits;
  readonly key: DeviceKey;
  readonly entropy: Entropy;
  readonly source: WindowSource;
  /** Frames of a delivery. */
  readonly frames: number;
  /** When the first delivery is due, after the sensor was opened. */
  readonly firstMs: number;
  /** Where it hears true labels; nowhere where it is undefined. */
  readonly truthTopic: string | undefined;
}

/** What all devices of a process share. */
export interface LiveWorld {
  readonly broker: LiveBroker;
  readonly prefix: string;
  readonly slot: string;
  /** Between two deliveries of the sensor. */
  readonly periodMs: number;
  readonly telemetrySchedule: string;
  readonly keyset: Uint8Array;
  readonly agentVersion: Version;
  readonly core: WebAssembly.Module;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
}

/** How devices reach the broker. */
export interface LiveBroker extends Pick<MqttTransportOptions, 'urls' | 'password' | 'tls'> {
  readonly usernameOf?: ((deviceId: string) => string) | undefined;
}

/** What is told about a device while it runs. */
export interface LiveWatch {
  connected(): void;
  disconnected(rejection: Rejection): void;
  /** A window is complete, with what is true of it. */
  completed(truth: string | undefined): void;
  /** The agent wants a message published. Gives what is called when the broker has it, or when it was given up. */
  published(message: Message): ((result: Result<void>) => void) | undefined;
  /** An invariant of the device is broken. */
  failed(error: unknown): void;
}

/** What the spool of a device holds. */
const spoolBytes = 1_048_576;

/** The real agent on a simulated sensor, with a session of its own with a real broker. */
export function createLiveDevice(
  description: LiveDescription,
  world: LiveWorld,
  { storage, log }: { readonly storage: Storage; readonly log: Log },
  watch: LiveWatch,
): SimulatedDevice {
  const { deviceId, source, entropy, key } = description;
  const { clock, scheduler, core, periodMs, telemetrySchedule } = world;
  const plainCbor = createPlainCbor();
  let completed = 0;
  const device = createSimulatedDevice(
    deviceSettings({ ...world, ...description }, key),
    {
      clock,
      scheduler,
      crypto: createNodeCrypto(),
      deviceKey: key,
      engine: createInProcessEngine(core),
      entropy,
      log,
      storage,
      transport: watched(createTransport(deviceId, world), watch),
      sensor: () =>
        heard(
          createGeneratedSensor({
            signal: source,
            valuesPerDelivery: description.frames * source.channels,
            periodMs,
            firstMs: description.firstMs,
            clock,
            scheduler,
          }),
          () => {
            // Windows may overlap: the first deliveries complete none.
            const before = completed;
            completed = device.completedWindows(world.slot);
            if (completed > before) watch.completed(source.truth);
          },
        ),
      readFactory: () => Promise.resolve(refuse('file-unreadable', 'a simulated device has none')),
      encodeCbor: (value) => plainCbor.encode(value),
      rssBytes: () => 0,
    },
    { expression: telemetrySchedule, timezone: 'UTC', share: spreadShare(deviceId) },
    (error) => {
      watch.failed(error);
    },
  );
  return device;
}

/** The same sensor; `taken` is called after each delivery. */
function heard(sensor: Sensor, taken: () => void): Sensor {
  return {
    open: (listener) => {
      sensor.open({
        samples: (values, wallMs) => {
          const pause = listener.samples(values, wallMs);
          taken();
          return pause;
        },
        interrupted: () => {
          listener.interrupted();
        },
        refused: (rejection) => {
          listener.refused(rejection);
        },
        ended: () => {
          listener.ended();
        },
      });
    },
    close: () => sensor.close(),
  };
}

function createTransport(deviceId: string, { broker, scheduler }: LiveWorld): MqttTransport {
  return new MqttTransport({
    urls: broker.urls,
    protocol: 'auto',
    clientId: deviceId,
    username: broker.usernameOf?.(deviceId),
    password: broker.password,
    tls: broker.tls,
    packetBytes: limits.packetBytes,
    spoolBytes,
    scheduler,
    entropy: createSystemEntropy(),
  });
}

/** The same transport, which tells what goes through it. */
function watched(transport: MqttTransport, watch: LiveWatch): MqttTransport {
  const open = transport.open.bind(transport);
  transport.open = (listener, will) => {
    open(
      {
        connected: (session) => {
          watch.connected();
          listener.connected(session);
        },
        disconnected: (rejection, attempt) => {
          watch.disconnected(rejection);
          listener.disconnected(rejection, attempt);
        },
        skipped: (message) => listener.skipped?.(message),
      },
      will,
    );
  };
  const publish = transport.publish.bind(transport);
  transport.publish = (message, done) => {
    const heard = watch.published(message);
    publish(message, (result) => {
      heard?.(result);
      done?.(result);
    });
  };
  return transport;
}
