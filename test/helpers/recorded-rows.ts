import { Prng } from '../../simulator/prng.js';
import type { Condition } from '../../simulator/signals/condition.js';
import { environments } from '../../simulator/signals/environment.js';
import { VibrationSignal } from '../../simulator/signals/vibration-signal.js';

/** A table of ten windows of a machine in the laboratory, and ten of one that is broken: x, y, z and state. */
export function recordedRows(): string {
  const conditions: readonly Condition[] = ['normal', 'bearing-fault'];
  const rows = conditions.flatMap((condition) => {
    const signal = new VibrationSignal(environments.laboratory, condition, Prng.fromSeed(4));
    const values = new Float32Array(2_560 * 3);
    signal.next(values);
    return Array.from({ length: 2_560 }, (_, i) =>
      [...values.subarray(3 * i, 3 * i + 3), condition].join(','),
    );
  });
  return ['x,y,z,state', ...rows].join('\r\n');
}
