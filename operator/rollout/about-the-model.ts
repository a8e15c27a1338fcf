import { codes, type Code } from '../../protocol/codes.js';

/** Codes of a device's refusal that speak about the model, besides those of the inference core. */
const ofModels: ReadonlySet<string> = new Set<Code>([
  'deadlines-missed',
  'self-test-mismatch',
  'trial-attempts-exceeded',
]);

/** Codes of the inference core that speak about the device. */
const ofDevices: ReadonlySet<string> = new Set<Code>([
  'engine-gone',
  'engine-unavailable',
  'memory-exhausted',
]);

/**
 * Whether a code says that the model is no good: a trap, a hang, a self-test. Not that the release is for another device, that a
 * block is bad, that a key is unknown or a disk full: those say nothing about the model, however many devices report them.
 */
export function speaksAboutModel(code: string): boolean {
  if (ofModels.has(code)) return true;
  if (ofDevices.has(code) || !Object.hasOwn(codes, code)) return false;
  return codes[code as Code].area === 'engine';
}
