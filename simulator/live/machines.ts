import { chanceOf } from '../devices/draws.js';
import type { WindowSource } from '../devices/window-source.js';
import { createSeededKey } from '../ports/seeded-key.js';
import { Prng } from '../prng.js';
import { channels } from '../signals/accelerometer.js';
import { conditions, type Condition } from '../signals/condition.js';
import { environments, type EnvironmentName } from '../signals/environment.js';
import { VibrationSignal } from '../signals/vibration-signal.js';
import type { LiveDescription } from './live-device.js';

export interface MachinesOptions {
  readonly seed: number;
  readonly devices: number;
  /** The number of the first; the others follow. 1 where it is left out. */
  readonly first?: number;
  /** The id of a number. `sim-0001` where it is left out. */
  readonly idOf?: (number: number) => string;
  readonly environment: EnvironmentName;
  readonly periodMs: number;
  /** Frames of a burst: a window, as battery-powered sensors send it. */
  readonly framesPerBurst: number;
  readonly truthTopicOf?: ((deviceId: string) => string) | undefined;
}

/** A device on a machine that suffers from something, and does not change. */
export interface MachineDescription extends LiveDescription {
  readonly condition: Condition;
}

/** What a device may use: an MCU-class gateway. */
const limits = { arenaBytes: 262_144, imageBytes: 1_048_576, storageBytes: 4_194_304 };

/** Devices whose machines suffer from each condition in turn. Device n is the same whatever range it belongs to. */
export function describeMachines(options: MachinesOptions): readonly MachineDescription[] {
  const { first = 1 } = options;
  return Array.from({ length: options.devices }, (_, i) => describeMachine(first + i, options));
}

function describeMachine(number: number, options: MachinesOptions): MachineDescription {
  const deviceId = (options.idOf ?? usualId)(number);
  const prng = Prng.fromSeed(options.seed).fork(number - 1);
  const condition = conditions[(number - 1) % conditions.length] ?? 'normal';
  const signal = new VibrationSignal(environments[options.environment], condition, prng.fork(0));
  const source: WindowSource = {
    channels,
    truth: condition,
    next(values) {
      signal.next(values);
      return true;
    },
  };
  return {
    deviceId,
    condition,
    labels: { class: 'simulated' },
    limits,
    key: createSeededKey(`${options.seed}/${deviceId}`),
    entropy: prng.fork(1),
    source,
    frames: options.framesPerBurst,
    firstMs: chanceOf(options.seed, 'phase', deviceId).uniform(0, options.periodMs),
    truthTopic: options.truthTopicOf?.(deviceId),
  };
}

function usualId(number: number): string {
  return `sim-${String(number).padStart(4, '0')}`;
}
