import { randomBytes } from 'node:crypto';
import type { Entropy } from '../ports/entropy.js';

/** Chance from the system's generator. */
export function createSystemEntropy(): Entropy {
  return { uint32: () => randomBytes(4).readUInt32LE() };
}
