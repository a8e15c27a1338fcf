import { Prng } from '../prng.js';
import { stepG } from './accelerometer.js';
import type { Condition } from './condition.js';
import { environments, type EnvironmentName } from './environment.js';
import { VibrationSignal } from './vibration-signal.js';

/** So many machines, each with an accelerometer of its own, are shared by large fleets. */
export const pooledMachines = 256;

/** So many windows of each machine and condition there are. */
export const pooledWindows = 16;

/**
 * Windows of machines that many devices share: each follows from the seed and its place in the pool alone. Whether they are kept or
 * made anew each time is a question of time and memory, and changes none of them.
 */
export class WindowPool {
  readonly #prng: Prng;
  readonly #keeps: boolean;
  /** In steps of the sensor, which take half the room of the values. */
  readonly #windows = new Map<string, Int16Array>();

  /** @param keeps whether windows are kept once they are made */
  constructor(seed: number, keeps: boolean) {
    this.#prng = Prng.fromSeed(seed).fork(poolKey);
    this.#keeps = keeps;
  }

  /**
   * Fills the array with a window: x, y and z in g of one frame after the other.
   *
   * @param machine from 0 to {@link pooledMachines} - 1
   * @param number which window of it, from 0 to {@link pooledWindows} - 1
   */
  fill(
    environment: EnvironmentName,
    condition: Condition,
    machine: number,
    number: number,
    values: Float32Array,
  ): void {
    const name = `${environment} ${condition} ${machine} ${number} ${values.length}`;
    const kept = this.#windows.get(name);
    if (kept !== undefined) {
      for (let i = 0; i < kept.length; i++) values[i] = (kept[i] ?? 0) * stepG;
      return;
    }
    const prng = this.#prng.fork(machine);
    const moment = prng.fork(number);
    new VibrationSignal(environments[environment], condition, prng, moment).next(values);
    if (this.#keeps)
      this.#windows.set(
        name,
        Int16Array.from(values, (value) => value / stepG),
      );
  }
}

/** Sets the pool apart from whatever else is drawn from a seed. */
const poolKey = 0x706f6f6c;
