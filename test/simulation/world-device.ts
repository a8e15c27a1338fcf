import { accept, refuse } from '../../protocol/result.js';
import type { AgentSettings, SlotSettings } from '../../agent/core/settings.js';
import { createInProcessEngine } from '../../agent/adapters/engine/in-process-engine.js';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { createPlainCbor } from '../../agent/adapters/plain-cbor.js';
import type { DeviceKey } from '../../agent/ports/device-key.js';
import type { Engine } from '../../agent/ports/engine.js';
import type { Storage } from '../../agent/ports/storage.js';
import type { ReportMessage } from '../../protocol/messages/report.js';
import type { ResultMessage } from '../../protocol/messages/result.js';
import type { SlotState, StateMessage } from '../../protocol/messages/state.js';
import { slotOf, type DeviceRecord, type SlotRecord } from '../../agent/core/state/record.js';
import {
  createFaultyEngine,
  type FaultyEngine,
  type InferenceFault,
  type LoadFault,
} from '../../simulator/ports/faulty-engine.js';
import { createGeneratedSensor } from '../../simulator/ports/generated-sensor.js';
import type { Lane } from '../../simulator/time/lane.js';
import type { MemoryTransport } from '../../simulator/ports/memory-broker.js';
import {
  createMemoryDisk,
  createMemoryStorage,
  type MemoryDisk,
  type StorageFault,
} from '../../simulator/ports/memory-storage.js';
import { createSeededKey } from '../../simulator/ports/seeded-key.js';
import { Prng } from '../../simulator/prng.js';
import type { SensorListener } from '../../agent/ports/sensor.js';
import { channels } from '../../simulator/signals/accelerometer.js';
import { environments } from '../../simulator/signals/environment.js';
import { VibrationSignal } from '../../simulator/signals/vibration-signal.js';
import { createSimulatedDevice, type SimulatedDevice } from '../../simulator/simulated-device.js';
import { newestRecord } from '../../agent/core/state/newest-record.js';
import { slot } from './world-slot.js';
import type { World } from './world.js';

export interface WorldDeviceOptions {
  readonly deviceId?: string;
  readonly disk?: MemoryDisk;
  readonly storageBytes?: number;
  /** Used in place of a disk in memory. */
  readonly storage?: Storage;
  /** Loads and runs models in place of the inference core alone. */
  readonly engine?: Engine;
  readonly limits?: Partial<SlotSettings['limits']>;
  readonly settings?: Partial<AgentSettings>;
  readonly encode?: 'json' | 'cbor';
  /** What its sensor measures; a machine without a fault in the laboratory if not given. */
  readonly signal?: VibrationSignal;
  /** How many windows come at a time, and how often; one each period if not given. */
  readonly burst?: { readonly windows: number; readonly everyMs: number };
  readonly source?: SlotSettings['source'];
  /** Where true labels come from. */
  readonly labelsTopic?: string;
  /** The release file that its owner has put on its disk; undefined where it is not there. */
  readonly factory?: () => Uint8Array | undefined;
  /** Asked before each operation of the storage (`simulator/ports/memory-storage.ts`). */
  readonly beforeOperation?: (number: number, what: string) => StorageFault;
  /** Asked before each inference. */
  readonly beforeInference?: (handle: number) => InferenceFault;
  readonly drift?: SlotSettings['drift'];
  readonly capture?: SlotSettings['capture'];
  /** Where in its minute it sends telemetry and reports. */
  readonly telemetryShare?: number;
  /** When it sends them; each minute if not given. */
  readonly telemetrySchedule?: string;
  /** Asked before each load of a model. */
  readonly beforeLoad?: (handle: number) => LoadFault;
}

/** What is published about a phase or an incident. */
export interface HeardEvent {
  readonly event: string;
  readonly slot?: string;
  readonly release?: number;
  readonly code?: string;
  readonly reason?: string;
  readonly count?: number;
}

type SenmlRecord = Readonly<Record<string, unknown>>;

/** Between two bursts of samples, each of which is one window of 256 frames. */
export const periodMs = 1_000;

/** A gateway in a {@link World}. It can lose its power at any moment; its disk then holds what it held. */
export class WorldDevice {
  readonly deviceId: string;
  readonly key: DeviceKey;
  readonly disk: MemoryDisk;
  readonly engine: FaultyEngine;
  /** Set where the device broke an invariant. */
  failure: Error | undefined;
  /** What was logged, by name. */
  readonly logged: string[] = [];
  /** While set, the sensor says nothing. */
  silent = false;
  readonly #world: World;
  readonly #device: SimulatedDevice;
  readonly #scheduler: Lane;
  readonly #transport: MemoryTransport;
  /** Bursts of samples that were delivered to each slot. */
  readonly #bursts = new Map<string, number>();
  #hasPower = true;
  /** Messages that were published before this start. */
  #earlier = 0;

  constructor(world: World, options: WorldDeviceOptions) {
    this.#world = world;
    this.deviceId = options.deviceId ?? 'press-7';
    this.key = createSeededKey(this.deviceId);
    this.disk = options.disk ?? createMemoryDisk();
    this.#scheduler = world.time.createScheduler();
    this.#transport = world.broker.createTransport({ scheduler: this.#scheduler, spoolBytes: 1e6 });
    this.engine = createFaultyEngine(
      options.engine ?? createInProcessEngine(world.core),
      this.#scheduler,
      options.beforeInference ?? (() => 'none'),
      options.beforeLoad,
    );
    const plainCbor = createPlainCbor();
    const signal =
      options.signal ?? new VibrationSignal(environments.laboratory, 'normal', Prng.fromSeed(1));
    const log = (event: string): void => {
      this.logged.push(event);
    };
    this.#device = createSimulatedDevice(
      this.#settings(options),
      {
        clock: world.time,
        scheduler: this.#scheduler,
        crypto: createNodeCrypto(),
        deviceKey: this.key,
        engine: this.engine,
        entropy: world.entropy,
        log: { debug: log, info: log, warn: log, error: log, droppedLines: 0 },
        storage:
          options.storage ??
          createMemoryStorage({
            disk: this.disk,
            storageBytes: options.storageBytes ?? 4_194_304,
            beforeOperation: (number, what) =>
              this.#hasPower ? (options.beforeOperation?.(number, what) ?? 'go') : 'stop',
          }),
        transport: this.#transport,
        sensor: (name) => {
          const sensor = createGeneratedSensor({
            signal,
            valuesPerDelivery: (options.burst?.windows ?? 1) * 256 * channels,
            periodMs: options.burst?.everyMs ?? periodMs,
            firstMs: periodMs,
            clock: world.time,
            scheduler: this.#scheduler,
          });
          let heard: SensorListener | undefined;
          return {
            open: (listener) => {
              heard = listener;
              sensor.open({
                ...listener,
                samples: (values, wallMs) => {
                  if (this.silent) return undefined;
                  this.#bursts.set(name, this.burstsOf(name) + 1);
                  return listener.samples(values, wallMs);
                },
              });
            },
            close: () => sensor.close(),
            // As a source on a topic does.
            ...(options.source?.topic !== undefined && {
              sessionBegan: () => {
                heard?.interrupted();
              },
            }),
          };
        },
        readFactory: () => {
          const file = options.factory?.();
          const missing = refuse('file-unreadable', 'there is no such file');
          return Promise.resolve(file === undefined ? missing : accept(file));
        },
        encodeCbor: (value) => plainCbor.encode(value),
        rssBytes: () => 50_000_000,
      },
      {
        expression: options.telemetrySchedule ?? '* * * * *',
        timezone: 'UTC',
        share: options.telemetryShare ?? 0,
      },
      (error) => {
        this.failure = error instanceof Error ? error : new Error(String(error));
      },
    );
  }

  start(): void {
    this.#earlier = this.#world.messages.length;
    this.#device.start();
  }

  /** Switches the device off in order. */
  stop(): Promise<void> {
    return this.#world.carryThrough(this.#device.stop(1_000));
  }

  /** Everything but the disk is gone at once. */
  losePower(): void {
    this.#hasPower = false;
    this.#scheduler.stop();
    this.#transport.sever();
    void this.engine.close();
  }

  /** The committed state of the slot on disk; undefined where there is none. */
  get record(): SlotRecord | undefined {
    return this.slotRecord(slot);
  }

  /** The same of any slot. */
  slotRecord(name: string): SlotRecord | undefined {
    const { deviceRecord } = this;
    return deviceRecord && slotOf(deviceRecord, name);
  }

  /** The whole committed state on disk; undefined where there is none. */
  get deviceRecord(): DeviceRecord | undefined {
    return newestRecord((copy) => this.disk.files.get(copy))?.record;
  }

  /** What the device last reported of the slot. */
  get state(): SlotState {
    const last = this.#world.heard('state', this.deviceId).at(-1) as StateMessage | undefined;
    return last?.slots[slot] ?? {};
  }

  /** Bursts of samples that were delivered. */
  get bursts(): number {
    return [...this.#bursts.values()].reduce((a, b) => a + b, 0);
  }

  /** The same of one slot. */
  burstsOf(name: string): number {
    return this.#bursts.get(name) ?? 0;
  }

  /** Results of this start. */
  get results(): readonly ResultMessage[] {
    return this.#world.heard('results', this.deviceId, this.#earlier) as ResultMessage[];
  }

  /** The same of one slot. */
  resultsOf(name: string): readonly ResultMessage[] {
    const { deviceId } = this;
    return this.#world.heard('results', deviceId, this.#earlier, name) as ResultMessage[];
  }

  /** Events of this start. */
  get events(): readonly HeardEvent[] {
    return this.#world.heard('events', this.deviceId, this.#earlier) as HeardEvent[];
  }

  /** Events in short, such as `2 fetching` or `2 rejected block-invalid`. */
  get story(): readonly string[] {
    return this.events.map(({ event, release, code }) =>
      [release, event, code].filter((part) => part !== undefined).join(' '),
    );
  }

  /** Reports of this start. */
  get reports(): readonly ReportMessage[] {
    return this.#world.heard('report', this.deviceId, this.#earlier) as ReportMessage[];
  }

  /** The last report of each slot of this start: all that was counted. */
  get totals(): readonly ReportMessage[] {
    return [...new Map(this.reports.map((report) => [report.slot, report])).values()];
  }

  /** What telemetry said last about a count of a slot, such as `windows`. */
  counted(name: string, ofSlot = slot): number {
    const packs = this.#world.heard('telemetry', this.deviceId) as SenmlRecord[][];
    // SenML labels 0 and 2 are name and value (RFC 8428, 6).
    const record = packs.at(-1)?.find((each) => each['0'] === `${ofSlot}/${name}`);
    return Number(record?.['2'] ?? 0);
  }

  #settings(options: WorldDeviceOptions): AgentSettings {
    const { settings, limits, encode, labelsTopic, source, factory, drift, capture } = options;
    return {
      deviceId: this.deviceId,
      labels: { class: 'pi4' },
      agentVersion: [0, 1, 0],
      key: { kid: this.key.kid, publicKey: this.key.publicKey },
      prefix: 'tinylamp',
      keyset: this.#world.keys.keyset,
      telemetry: { encode: 'cbor' },
      slots: new Map([
        [
          slot,
          {
            limits: { arenaBytes: 262_144, imageBytes: 1_048_576, periodMs, ...limits },
            sink: { topic: undefined, encode: encode ?? 'json' },
            labelsTopic,
            ...(source && { source }),
            drift,
            capture,
            factory: factory !== undefined,
          },
        ],
      ]),
      ...settings,
    };
  }
}
