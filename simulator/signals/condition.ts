/** What a machine suffers from. The order is that of the demo model's labels. */
export const conditions = ['normal', 'imbalance', 'bearing-fault', 'looseness'] as const;

/** The name of a condition. */
export type Condition = (typeof conditions)[number];

/**
 * What a condition adds to the residual vibration of every machine, at severity 1. Accelerations in g,
 * at the reference speed of 25 turns per second.
 */
export interface Excitation {
  /** Amplitude at half the shaft frequency: a loose part strikes every other turn. */
  readonly halfG: number;
  /** Amplitude at the shaft frequency from unbalanced mass; it grows with the square of the speed. */
  readonly oneG: number;
  readonly twoG: number;
  readonly threeG: number;
  /** Where the motion is cut off: play ends at a stop. Infinite where nothing is loose. */
  readonly truncationG: number;
  /** Impacts on the housing per turn of the shaft; 0 for none. */
  readonly impactsPerTurn: number;
  /** First peak of the housing's response to an impact. */
  readonly impactG: number;
  /** Deviation of the time between impacts, relative to its mean: rolling elements slip. */
  readonly slip: number;
  /** Deviation of the strength of impacts, relative to its mean. */
  readonly impactSpread: number;
  /** How far impacts follow the load, which turns with the shaft: 0 not at all, 1 fully. */
  readonly loadModulation: number;
}

/**
 * Ball pass frequency of the outer race per turn of the shaft, outer race at rest:
 * n / 2 * (1 - d / D * cos a), for a 6205 deep-groove bearing: n = 9 balls of d = 7.94 mm on a pitch
 * circle of D = 39.04 mm, contact angle a = 0.
 */
const outerRacePassesPerTurn = (9 / 2) * (1 - 7.94 / 39.04);

const still: Excitation = {
  halfG: 0,
  oneG: 0,
  twoG: 0,
  threeG: 0,
  truncationG: Infinity,
  impactsPerTurn: 0,
  impactG: 0,
  slip: 0,
  impactSpread: 0,
  loadModulation: 0,
};

/** The excitation of each condition. */
export const excitations: Readonly<Record<Condition, Excitation>> = {
  normal: still,
  imbalance: { ...still, oneG: 0.6 },
  'bearing-fault': {
    ...still,
    impactsPerTurn: outerRacePassesPerTurn,
    impactG: 0.9,
    slip: 0.02,
    impactSpread: 0.2,
    loadModulation: 0.4,
  },
  looseness: {
    halfG: 0.2,
    oneG: 0.15,
    twoG: 0.3,
    threeG: 0.2,
    truncationG: 0.35,
    impactsPerTurn: 1,
    impactG: 0.6,
    slip: 0.05,
    impactSpread: 0.5,
    loadModulation: 0,
  },
};
