import { createSystemClock } from '../../agent/adapters/system-clock.js';
import type { Log } from '../../agent/ports/log.js';
import type { Storage } from '../../agent/ports/storage.js';
import type { Message } from '../../agent/ports/transport.js';
import type { Rejection, Result } from '../../protocol/result.js';
import { createMemoryDisk, createMemoryStorage } from '../ports/memory-storage.js';
import type { SimulatedDevice } from '../simulated-device.js';
import {
  createLiveDevice,
  type LiveDescription,
  type LiveWatch,
  type LiveWorld,
} from './live-device.js';
import { ramp } from './ramp.js';
import { createSharedCronScheduler } from './shared-cron.js';

export interface LiveFleetOptions extends Omit<LiveWorld, 'clock' | 'scheduler'> {
  readonly devices: readonly LiveDescription[];
  /** Devices that are started a second; as many as the event loop bears where it is left out. */
  readonly perSecond?: number | undefined;
  /** What the disk of a device is; memory that is gone with the process where it is left out. */
  readonly openStorage?: ((description: LiveDescription) => Promise<Storage>) | undefined;
  /** What becomes of what a device logs; nothing where it is left out: what devices have to say is on the broker. */
  readonly logOf?: ((deviceId: string) => Log) | undefined;
  /** Called where a device breaks an invariant. */
  readonly failed: (deviceId: string, error: unknown) => void;
  readonly watch?: FleetWatch | undefined;
}

/** What is told about the devices of a fleet while they run. */
export interface FleetWatch {
  started(deviceId: string): void;
  connected(deviceId: string): void;
  disconnected(deviceId: string, rejection: Rejection): void;
  completed(deviceId: string, truth: string | undefined): void;
  published(deviceId: string, message: Message): ((result: Result<void>) => void) | undefined;
}

/** Devices of one process on real sockets. */
export interface LiveFleet {
  start(): void;
  /** Those that were started. */
  readonly running: readonly SimulatedDevice[];
  /** Ends all devices that were started, in order. */
  stop(timeoutMs: number): Promise<void>;
}

const quiet: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  droppedLines: 0,
};

/** Makes a fleet, which does nothing before it is started. */
export function createLiveFleet(options: LiveFleetOptions): LiveFleet {
  const clock = createSystemClock();
  const scheduler = createSharedCronScheduler(clock);
  const running: SimulatedDevice[] = [];
  let isStopping = false;
  let endRamp = (): void => undefined;
  const begin = async (description: LiveDescription): Promise<void> => {
    const { deviceId } = description;
    try {
      const storage = await openStorage(description, options);
      if (isStopping) return;
      const log = options.logOf?.(deviceId) ?? quiet;
      const world = { ...options, clock, scheduler };
      const watch = watchOf(deviceId, options);
      const device = createLiveDevice(description, world, { storage, log }, watch);
      running.push(device);
      options.watch?.started(deviceId);
      device.start();
    } catch (error) {
      options.failed(deviceId, error);
    }
  };
  return {
    running,
    start() {
      const perSecond = options.perSecond ?? Infinity;
      endRamp = ramp(options.devices, perSecond, { clock, scheduler }, (description) => {
        void begin(description);
      });
    },
    async stop(timeoutMs) {
      isStopping = true;
      endRamp();
      await Promise.all(running.map((device) => device.stop(timeoutMs)));
    },
  };
}

function openStorage(description: LiveDescription, options: LiveFleetOptions): Promise<Storage> {
  if (options.openStorage !== undefined) return options.openStorage(description);
  const { storageBytes } = description.limits;
  return Promise.resolve(createMemoryStorage({ disk: createMemoryDisk(), storageBytes }));
}

function watchOf(deviceId: string, { watch, failed }: LiveFleetOptions): LiveWatch {
  return {
    connected: () => watch?.connected(deviceId),
    disconnected: (rejection) => watch?.disconnected(deviceId, rejection),
    completed: (truth) => watch?.completed(deviceId, truth),
    published: (message) => watch?.published(deviceId, message),
    failed: (error) => {
      failed(deviceId, error);
    },
  };
}
