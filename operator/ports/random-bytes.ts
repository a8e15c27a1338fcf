/** Chance that nobody can guess, for salts and passwords. The simulated one is seeded, and nobody's secret. */
export type RandomBytes = (length: number) => Uint8Array;
