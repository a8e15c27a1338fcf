/** Chance. The real one is the system's generator, the simulated one a seeded one. */
export interface Entropy {
  /** A uniformly distributed integer in [0, 2^32). */
  uint32(): number;
}
