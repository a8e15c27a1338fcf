import type { Clock } from '../../agent/ports/clock.js';
import type { Sensor, SensorListener } from '../../agent/ports/sensor.js';
import { Later } from '../time/later.js';
import type { Lane } from '../time/lane.js';
import type { WindowSource } from './window-source.js';

export interface WindowSensorOptions {
  readonly source: WindowSource;
  readonly periodMs: number;
  /** When the first delivery is due, since the beginning of the run. */
  readonly phaseMs: number;
  readonly clock: Clock;
  readonly lane: Lane;
  /** Room for a delivery, lent to whoever listens: all sensors of a thread share it, since none waits while it is used. */
  readonly room: Float32Array;
  /** Called after each delivery that an agent has taken, with what is true of it and what was lent to it. */
  readonly delivered: (truth: string | undefined, values: Float32Array) => void;
}

/** A sensor that is there before the agent and after it: it delivers at its own instants, to whoever listens then. */
export class WindowSensor {
  readonly #options: WindowSensorOptions;
  #listener: SensorListener | undefined;
  #cancel = (): void => undefined;

  constructor(options: WindowSensorOptions) {
    this.#options = options;
  }

  /** The sensor port of an agent; a later one takes the place of an earlier one. */
  attach(): Sensor {
    const { lane } = this.#options;
    let own: SensorListener | undefined;
    return {
      open: (listener) => {
        own = listener;
        this.#listener = listener;
        this.#schedule();
      },
      close: () => {
        if (own !== undefined && this.#listener === own) this.stop();
        return Later.of(lane, undefined);
      },
    };
  }

  /** Nobody listens any more. */
  stop(): void {
    this.#listener = undefined;
    this.#cancel();
  }

  #schedule(): void {
    this.#cancel();
    const { clock, periodMs, phaseMs, lane } = this.#options;
    const nowMs = clock.monotonicMs();
    const passed = Math.floor((nowMs - phaseMs) / periodMs) + 1;
    const dueMs = phaseMs + Math.max(0, passed) * periodMs;
    this.#cancel = lane.after(dueMs - nowMs, () => {
      this.#deliver();
    });
  }

  #deliver(): void {
    const { source, clock, delivered, room } = this.#options;
    this.#schedule();
    if (!source.next(room)) return;
    this.#listener?.samples(room, clock.wallMs());
    delivered(source.truth, room);
  }
}
