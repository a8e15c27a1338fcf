/** Lowest and highest value of a quantity that each machine or sensor draws once. */
export type Range = readonly [low: number, high: number];

/** How sensors are built in and what surrounds them: what a laboratory keeps still, and a field does not. */
export interface Environment {
  /** Sensitivity of the sensor with its mounting (a stiff stud 1, glue or a magnet less); drawn log-uniformly. */
  readonly gain: Range;
  /** Sensitivity of one axis relative to the others. */
  readonly axisGain: Range;
  /** Rotation of the sensor about the shaft. */
  readonly rollDegrees: Range;
  /** Rotation about each of the two axes across the shaft. */
  readonly tiltDegrees: Range;
  /** Zero-g level of each axis. */
  readonly offsetG: Range;
  /** Root mean square of the broadband vibration of machine and floor, per axis. */
  readonly broadbandG: Range;
  /** Root mean square of the sensor's own noise, per axis. */
  readonly sensorNoiseG: Range;
}

/**
 * The laboratory has one sensor, screwed on straight, on a quiet bench. The field has every gain, mounting
 * and noise. Machines and faults are the same in both, so that a difference in accuracy is the environment's.
 */
export const environments = {
  laboratory: {
    gain: [0.97, 1.03],
    axisGain: [0.99, 1.01],
    rollDegrees: [-3, 3],
    tiltDegrees: [-3, 3],
    offsetG: [-0.02, 0.02],
    broadbandG: [0.015, 0.025],
    sensorNoiseG: [0.004, 0.006],
  },
  field: {
    gain: [0.4, 2.5],
    axisGain: [0.95, 1.05],
    rollDegrees: [-180, 180],
    tiltDegrees: [-30, 30],
    offsetG: [-0.1, 0.1],
    broadbandG: [0.015, 0.12],
    sensorNoiseG: [0.004, 0.03],
  },
} as const satisfies Record<string, Environment>;

/** The name of an environment. */
export type EnvironmentName = keyof typeof environments;
