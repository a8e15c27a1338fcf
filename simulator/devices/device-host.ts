import { MqttTransport } from '../../agent/adapters/mqtt/transport.js';
import type { AgentSettings } from '../../agent/core/settings.js';
import { newestRecord } from '../../agent/core/state/newest-record.js';
import { slotOf, type DeviceRecord, type SlotRecord } from '../../agent/core/state/record.js';
import type { Crypto } from '../../agent/ports/crypto.js';
import type { DeviceKey } from '../../agent/ports/device-key.js';
import type { Message } from '../../agent/ports/transport.js';
import { spreadShare } from '../../protocol/assignment/spread.js';
import { limits } from '../../protocol/limits.js';
import { refuse } from '../../protocol/result.js';
import type { Network } from '../broker/network.js';
import { sessionsOver } from '../broker/client-session.js';
import type { StorageFault, StorageMeter } from '../ports/memory-storage.js';
import type { Prng } from '../prng.js';
import { lieAbout, type Lie } from '../faults/lies.js';
import { createSimulatedDevice, type SimulatedDevice } from '../simulated-device.js';
import { Later } from '../time/later.js';
import { every, type Lane, type LaneClock } from '../time/lane.js';
import type { HostDisk } from './host-disk.js';
import { deviceSettings } from './device-settings.js';
import { createSimulatedEngine, type Processor } from './simulated-engine.js';
import type { ModelPool } from './model-pool.js';
import { WindowSensor } from './window-sensor.js';
import type { WindowSource } from './window-source.js';

/** What a device may take, and how fast it is. */
export interface HostLimits {
  readonly arenaBytes: number;
  readonly imageBytes: number;
  readonly storageBytes: number;
}

/** What a device is made of, and what it is told about itself. */
export interface HostOptions {
  readonly deviceId: string;
  readonly slot: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly limits: HostLimits;
  readonly agentVersion: AgentSettings['agentVersion'];
  readonly prefix: string;
  readonly keyset: Uint8Array;
  readonly key: DeviceKey;
  readonly periodMs: number;
  readonly reportMs: number;
  /** Undefined: it sends no telemetry. */
  readonly telemetryMs: number | undefined;
  /** Frames of a delivery. */
  readonly strideFrames: number;
  readonly truthTopic: string | undefined;
}

/** The world that a device is in. */
export interface HostWorld {
  readonly lane: Lane;
  readonly clock: LaneClock;
  readonly network: Network;
  readonly pool: ModelPool;
  readonly crypto: Crypto;
  readonly processor: Processor;
  readonly createDisk: () => HostDisk;
  /** Follows the wear of the flash. */
  readonly meter: StorageMeter;
  readonly source: WindowSource;
  /** Room for so many values of a sensor, which all devices share. */
  readonly roomOf: (values: number) => Float32Array;
  readonly encodeCbor: (value: unknown) => Uint8Array;
  /** All chance of the device. */
  readonly prng: Prng;
  readonly watch: HostWatch;
}

/** What is told about a device while it runs. */
export interface HostWatch {
  booted(): void;
  /** The agent has taken samples from the sensor, and whether they completed a window. */
  delivered(truth: string | undefined, values: Float32Array, completesWindow: boolean): void;
  /** The agent wants a message published. */
  published(message: Message): void;
  /** The agent has ended over a broken invariant. */
  crashed(error: unknown): void;
  /** Asked before each operation of the storage. */
  beforeOperation(what: string): StorageFault;
}

/** Each purpose has a generator of its own. */
const purposes = { agent: 1, sensor: 2 } as const;

/** What the spool of a device holds. */
const spoolBytes = 1_048_576;

/** One machine of a fleet: its disk and key outlive the agent that runs on it, and the power that it needs. */
export class DeviceHost {
  readonly deviceId: string;
  readonly options: HostOptions;
  disk: HostDisk;
  /** What it signs instead of what it has found out. */
  lie: Lie | undefined;
  readonly #world: HostWorld;
  readonly #sensor: WindowSensor;
  readonly #entropy: Prng;
  #key: DeviceKey;
  /** Windows that its agent had counted as complete after the last delivery. */
  #completed = 0;
  #agent: SimulatedDevice | undefined;
  #stored: { readonly a: unknown; readonly b: unknown; readonly record: DeviceRecord | undefined } =
    {
      a: undefined,
      b: undefined,
      record: undefined,
    };

  constructor(options: HostOptions, world: HostWorld) {
    this.deviceId = options.deviceId;
    this.#key = options.key;
    this.options = options;
    this.#world = world;
    this.disk = world.createDisk();
    this.#entropy = world.prng.fork(purposes.agent);
    this.#sensor = new WindowSensor({
      source: world.source,
      room: world.roomOf(options.strideFrames * world.source.channels),
      periodMs: options.periodMs,
      phaseMs: world.prng.fork(purposes.sensor).below(options.periodMs),
      clock: world.clock,
      lane: world.lane,
      delivered: (truth, values) => {
        world.watch.delivered(truth, values, this.#completesWindow());
      },
    });
  }

  get isOn(): boolean {
    return this.#agent !== undefined;
  }

  /** Windows that its agent counts as dropped since it was switched on. */
  get droppedWindows(): number {
    return this.#agent?.droppedWindows(this.options.slot) ?? 0;
  }

  /** Windows that have no answer because a model waited for more, since it was switched on. */
  get waitedWindows(): number {
    return this.#agent?.waitedWindows(this.options.slot) ?? 0;
  }

  /** What is true of the machine now. */
  get truth(): string | undefined {
    return this.#world.source.truth;
  }

  /** Switches the machine on: the agent starts from what the disk holds. */
  boot(): void {
    if (this.#agent !== undefined) return;
    const { lane, watch } = this.#world;
    watch.booted();
    this.#completed = 0;
    this.#agent = this.#createAgent();
    lane.soon(() => this.#agent?.start());
  }

  /**
   * Everything but the disk is gone at once. Gives how many changes of the disk were not synced.
   *
   * @param tears what becomes of them; all are kept where it is left out
   */
  cutPower(tears?: Prng): number {
    if (this.#agent === undefined) return 0;
    this.#agent = undefined;
    this.#world.lane.stop();
    this.#world.network.sever();
    this.#sensor.stop();
    return tears === undefined ? 0 : this.disk.tear(tears);
  }

  /** Another machine takes this one's place, with an empty disk and another key. It is off. */
  replace(key: DeviceKey): void {
    this.disk = this.#world.createDisk();
    this.#key = key;
  }

  /** The state on disk: the same object as long as nothing of it changes; undefined where there is none. */
  get deviceRecord(): DeviceRecord | undefined {
    const a = this.disk.read('state/a');
    const b = this.disk.read('state/b');
    if (this.#stored.a !== a || this.#stored.b !== b) {
      const record = newestRecord((copy) => this.disk.read(copy))?.record;
      this.#stored = { a, b, record };
    }
    return this.#stored.record;
  }

  /** The committed state of the slot on disk; undefined where there is none. */
  get record(): SlotRecord | undefined {
    const record = this.deviceRecord;
    return record && slotOf(record, this.options.slot);
  }

  /** Whether the last delivery completed a window, as the agent counts them: windows may overlap, and begin anew. */
  #completesWindow(): boolean {
    const before = this.#completed;
    this.#completed = this.#agent?.completedWindows(this.options.slot) ?? 0;
    return this.#completed > before;
  }

  #createAgent(): SimulatedDevice {
    const { options, deviceId } = this;
    const { lane, clock, network, pool, crypto, processor, meter, watch } = this.#world;
    const transport = new MqttTransport({
      urls: ['mqtt://broker'],
      protocol: 'auto',
      clientId: deviceId,
      packetBytes: limits.packetBytes,
      spoolBytes,
      scheduler: lane,
      entropy: this.#entropy,
      openSession: sessionsOver(network, lane),
    });
    const publish = transport.publish.bind(transport);
    transport.publish = (message, done) => {
      watch.published(message);
      const { channel, payload } = message;
      const { lie } = this;
      if (channel !== 'evidence' || lie === undefined) publish(message, done);
      else publish({ ...message, payload: lieAbout(payload, lie, this.#key) }, done);
    };
    const nothing = (): void => undefined;
    const share = spreadShare(deviceId);
    return createSimulatedDevice(
      deviceSettings(options, this.#key),
      {
        clock,
        scheduler: lane,
        crypto,
        deviceKey: this.#key,
        engine: createSimulatedEngine(pool, lane, processor),
        entropy: this.#entropy,
        log: { debug: nothing, info: nothing, warn: nothing, error: nothing, droppedLines: 0 },
        storage: this.disk.createStorage({
          storageBytes: options.limits.storageBytes,
          lane,
          meter,
          beforeOperation: (what) => watch.beforeOperation(what),
        }),
        transport,
        sensor: () => this.#sensor.attach(),
        readFactory: () =>
          Later.of(lane, refuse('file-unreadable', 'a simulated device has no factory release')),
        encodeCbor: this.#world.encodeCbor,
        rssBytes: () => 0,
      },
      options.telemetryMs === undefined ? undefined : every(options.telemetryMs, share),
      (error) => {
        watch.crashed(error);
      },
      every(options.reportMs, share),
    );
  }
}
