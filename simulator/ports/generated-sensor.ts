import type { Clock } from '../../agent/ports/clock.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';
import type { Sensor, SensorListener } from '../../agent/ports/sensor.js';

/** A signal that can be read for ever: fills the array with its next frames. */
export interface SampledSignal {
  next(values: Float32Array): void;
}

export interface GeneratedSensorOptions {
  readonly signal: SampledSignal;
  /** Values of one delivery: frames times channels. */
  readonly valuesPerDelivery: number;
  /** Time between two deliveries; the first comes after `firstMs`. */
  readonly periodMs: number;
  readonly firstMs: number;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
}

/** The sensor port on a generated signal: a delivery every period, from one buffer. */
export function createGeneratedSensor(options: GeneratedSensorOptions): Sensor {
  const { signal, clock, scheduler, periodMs } = options;
  const values = new Float32Array(options.valuesPerDelivery);
  let cancel = (): void => undefined;
  return {
    open(listener: SensorListener) {
      let dueMs = clock.monotonicMs() + options.firstMs;
      const deliver = (): void => {
        signal.next(values);
        dueMs += periodMs;
        // Due instants are absolute, so that late wake-ups do not add up.
        cancel = scheduler.after(Math.max(0, dueMs - clock.monotonicMs()), deliver);
        listener.samples(values, clock.wallMs());
      };
      cancel = scheduler.after(options.firstMs, deliver);
    },
    close() {
      cancel();
      return Promise.resolve();
    },
  };
}
