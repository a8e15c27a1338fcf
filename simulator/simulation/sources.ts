import { CodedError } from '../../protocol/coded-error.js';
import type { WindowSource } from '../devices/window-source.js';
import { PooledVibrationSource } from '../devices/pooled-vibration-source.js';
import { VibrationSource } from '../devices/vibration-source.js';
import type { Prng } from '../prng.js';
import type { Sensor } from '../scenario/scenario.js';
import { draw } from '../scenario/values.js';
import type { Condition } from '../signals/condition.js';
import { environments } from '../signals/environment.js';
import type { WindowPool } from '../signals/window-pool.js';

/** What makes the source of a device, from its chance and the time of the run. */
export type CreateSource = (prng: Prng, nowMs: () => number) => WindowSource;

/**
 * The sources of a group of devices. Throws `scenario-invalid` for a kind that there is not.
 *
 * @param pool machines that all share; each device has one of its own where it is left out
 */
export function sourcesOf(sensor: Sensor, pool?: WindowPool): CreateSource {
  switch (sensor.kind) {
    case 'vibration': {
      const mix = new Map(Object.entries(sensor.mix) as [Condition, number][]);
      return (prng, nowMs) => {
        const perMs = draw(sensor.changes.perMs, prng.fork(3));
        const changeMs = perMs > 0 ? 1 / perMs : Infinity;
        const { environment } = sensor;
        if (pool !== undefined)
          return new PooledVibrationSource({ environment, mix, changeMs }, pool, prng, nowMs);
        const options = { environment: environments[environment], mix, changeMs };
        return new VibrationSource(options, prng, nowMs);
      };
    }
    default:
      throw new CodedError('scenario-invalid', `sensor.kind: ${sensor.kind} is not there yet`);
  }
}
