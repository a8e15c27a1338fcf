import { Prng } from '../../simulator/prng.js';
import { channels } from '../../simulator/signals/accelerometer.js';
import { conditions } from '../../simulator/signals/condition.js';
import type { Environment } from '../../simulator/signals/environment.js';
import { VibrationSignal } from '../../simulator/signals/vibration-signal.js';

/** A window of raw samples, x, y and z of one frame after the other in g, and what the machine suffers from. */
export interface RecordedWindow {
  /** An index into `conditions`. */
  readonly truth: number;
  readonly samples: Float32Array;
}

const windowFrames = 256;

/** Windows of one machine start a second apart. */
const gapFrames = 1344;

/**
 * Records machines, spread evenly over the conditions: the twin of `record` in
 * simulator/demo/training/dataset.py. The same seed gives the same machines in every environment.
 */
export function record(
  environment: Environment,
  plan: { readonly machines: number; readonly windowsEach: number; readonly seed: number },
): RecordedWindow[] {
  const prng = Prng.fromSeed(plan.seed);
  const gap = new Float32Array(channels * gapFrames);
  return Array.from({ length: plan.machines }, (_, key) => {
    const truth = key % conditions.length;
    const condition = conditions[truth] ?? 'normal';
    const signal = new VibrationSignal(environment, condition, prng.fork(key));
    return Array.from({ length: plan.windowsEach }, (_, index) => {
      if (index > 0) signal.next(gap);
      const samples = new Float32Array(channels * windowFrames);
      signal.next(samples);
      return { truth, samples };
    });
  }).flat();
}
