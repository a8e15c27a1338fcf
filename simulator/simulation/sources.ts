import { CodedError } from '../../protocol/coded-error.js';
import type { WindowSource } from '../devices/window-source.js';
import { VibrationSource } from '../devices/vibration-source.js';
import type { Prng } from '../prng.js';
import type { Sensor } from '../scenario/scenario.js';
import { draw } from '../scenario/values.js';
import type { Condition } from '../signals/condition.js';
import { environments } from '../signals/environment.js';

/** What makes the source of a device, from its chance and the time of the run. */
export type CreateSource = (prng: Prng, nowMs: () => number) => WindowSource;

/** The sources of a group of devices. Throws `scenario-invalid` for a kind that there is not. */
export function sourcesOf(sensor: Sensor): CreateSource {
  switch (sensor.kind) {
    case 'vibration': {
      const mix = new Map(Object.entries(sensor.mix) as [Condition, number][]);
      return (prng, nowMs) => {
        const perMs = draw(sensor.changes.perMs, prng.fork(3));
        const changeMs = perMs > 0 ? 1 / perMs : Infinity;
        const options = { environment: environments[sensor.environment], mix, changeMs };
        return new VibrationSource(options, prng, nowMs);
      };
    }
    default:
      throw new CodedError('scenario-invalid', `sensor.kind: ${sensor.kind} is not there yet`);
  }
}
