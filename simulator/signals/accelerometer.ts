import type { Prng } from '../prng.js';
import type { Environment, Range } from './environment.js';

/** x, y and z. */
export const channels = 3;

/** Full scale and resolution of the sensor: +-8 g at 12 bits. */
const rangeG = 8;
export const stepG = 1 / 256;

/** A 3-axis accelerometer as it was built in: turns motion into what a driver would read. */
export class Accelerometer {
  /** From [horizontal, vertical, axial] to [x, y, z], row after row: rotation, then gain. */
  readonly #mounting: readonly number[];
  readonly #offsetG: readonly number[];
  /** Broadband vibration and the sensor's own noise together, root mean square per axis. */
  readonly #noiseG: number;
  readonly #noise: Prng;

  /** The order of the draws is part of the model: the Python twin keeps it. */
  constructor(environment: Environment, mounting: Prng, noise: Prng) {
    const draw = ([low, high]: Range): number => mounting.uniform(low, high);
    const [lowestGain, highestGain] = environment.gain;
    const gain = Math.exp(draw([Math.log(lowestGain), Math.log(highestGain)]));
    const axisGains = axes.map(() => gain * draw(environment.axisGain));
    const roll = toRadians(draw(environment.rollDegrees));
    const tilt = toRadians(draw(environment.tiltDegrees));
    const pan = toRadians(draw(environment.tiltDegrees));
    this.#offsetG = axes.map(() => draw(environment.offsetG));
    const broadbandG = gain * draw(environment.broadbandG);
    const sensorNoiseG = draw(environment.sensorNoiseG);
    this.#mounting = axisGains.flatMap((axisGain, axis) =>
      rotation(roll, tilt, pan)
        .slice(3 * axis, 3 * axis + 3)
        .map((element) => axisGain * element),
    );
    this.#noiseG = Math.sqrt(broadbandG ** 2 + sensorNoiseG ** 2);
    this.#noise = noise;
  }

  /**
   * Writes one frame, x, y and z in g, at `offset`: gravity added, turned and amplified as mounted, with
   * offset and noise, saturated and quantised.
   */
  read(motion: Float64Array, frames: Float32Array, offset: number): void {
    const horizontal = motion[0] ?? 0;
    const vertical = (motion[1] ?? 0) + gravityG;
    const axial = motion[2] ?? 0;
    const m = this.#mounting;
    for (let axis = 0; axis < channels; axis++) {
      const turned =
        (m[3 * axis] ?? 0) * horizontal +
        (m[3 * axis + 1] ?? 0) * vertical +
        (m[3 * axis + 2] ?? 0) * axial;
      const shown = turned + (this.#offsetG[axis] ?? 0) + this.#noiseG * this.#noise.noise();
      const saturated = Math.max(-rangeG, Math.min(rangeG, shown));
      frames[offset + axis] = Math.floor(saturated / stepG + 0.5) * stepG;
    }
  }
}

/** At rest an accelerometer shows the support that holds it against gravity: upwards. */
const gravityG = 1;

const axes = [0, 1, 2];

/** The rotation by `pan` about y, then by `tilt` about x, then by `roll` about z: Rz Rx Ry, row after row. */
function rotation(roll: number, tilt: number, pan: number): number[] {
  const [cr, sr] = [Math.cos(roll), Math.sin(roll)];
  const [ct, st] = [Math.cos(tilt), Math.sin(tilt)];
  const [cp, sp] = [Math.cos(pan), Math.sin(pan)];
  return [
    ...[cr * cp - sr * st * sp, -sr * ct, cr * sp + sr * st * cp],
    ...[sr * cp + cr * st * sp, cr * ct, sr * sp - cr * st * cp],
    ...[-ct * sp, st, ct * cp],
  ];
}

function toRadians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
