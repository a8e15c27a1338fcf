import type { Prng } from '../prng.js';
import { Accelerometer, channels } from './accelerometer.js';
import type { Condition } from './condition.js';
import type { Environment } from './environment.js';
import { Machine } from './machine.js';

/** Each purpose has a generator of its own, so that a draw more for one changes nothing in the others. */
const purposes = { body: 1, impacts: 2, mounting: 3, noise: 4, start: 5 } as const;

/**
 * The endless signal of a 3-axis accelerometer on a rotating machine. `README.md` beside this file has the
 * physics and its sources; `simulator/demo/training/signals.py` is the twin that trains the demo model.
 *
 * It takes from `prng` by forking only: the same environment, condition and generator give the same signal.
 */
export class VibrationSignal {
  readonly #machine: Machine;
  readonly #accelerometer: Accelerometer;
  /** The motion of the present frame, between the two. */
  readonly #motion = new Float64Array(channels);

  /** @param moment one of many at which the same machine is listened to; left out, there is one, drawn with the machine */
  constructor(environment: Environment, condition: Condition, prng: Prng, moment?: Prng) {
    const passing = moment ?? prng;
    this.#machine = new Machine(
      condition,
      prng.fork(purposes.body),
      passing.fork(purposes.impacts),
      moment?.fork(purposes.start),
    );
    this.#accelerometer = new Accelerometer(
      environment,
      prng.fork(purposes.mounting),
      passing.fork(purposes.noise),
    );
  }

  /** What the machine suffers from at present. */
  get condition(): Condition {
    return this.#machine.condition;
  }

  /** A machine may fall ill, or be mended, while it runs: takes effect with the next frame. */
  set condition(condition: Condition) {
    this.#machine.condition = condition;
  }

  /**
   * Continues the signal: fills `frames` with x, y and z of one frame after the other, in g as the sensor
   * shows them, gravity included, at `sampleRateHz`. The length must be a multiple of 3. Allocates nothing.
   */
  next(frames: Float32Array): void {
    if (frames.length % channels !== 0)
      throw new Error(`${frames.length} values are no whole frames`);
    for (let offset = 0; offset < frames.length; offset += channels) {
      this.#machine.next(this.#motion);
      this.#accelerometer.read(this.#motion, frames, offset);
    }
  }
}
