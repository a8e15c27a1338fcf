import type { Clock } from '../../agent/ports/clock.js';
import type { Sensor, SensorListener } from '../../agent/ports/sensor.js';
import { Later } from '../time/later.js';
import type { Lane } from '../time/lane.js';
import type { WindowSource } from './window-source.js';

export interface WindowSensorOptions {
  readonly source: WindowSource;
  /** Frames of a delivery: the stride of a window. */
  readonly frames: number;
  readonly periodMs: number;
  /** When the first delivery is due, since the beginning of the run. */
  readonly phaseMs: number;
  readonly clock: Clock;
  readonly lane: Lane;
  /** Called before each delivery that an agent takes, with what is true of it and what is lent to it. */
  readonly delivered: (truth: string | undefined, values: Float32Array) => void;
}

/** A sensor that is there before the agent and after it: it delivers at its own instants, to whoever listens then. */
export class WindowSensor {
  readonly #options: WindowSensorOptions;
  readonly #values: Float32Array;
  #listener: SensorListener | undefined;
  #cancel = (): void => undefined;

  constructor(options: WindowSensorOptions) {
    this.#options = options;
    this.#values = new Float32Array(options.frames * options.source.channels);
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
    const { source, clock, delivered } = this.#options;
    this.#schedule();
    if (!source.next(this.#values)) return;
    delivered(source.truth, this.#values);
    this.#listener?.samples(this.#values, clock.wallMs());
  }
}
