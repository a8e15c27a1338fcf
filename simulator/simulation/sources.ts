import type { SampleForm } from '../../agent/ports/sensor.js';
import { PooledVibrationSource } from '../devices/pooled-vibration-source.js';
import { RecordedSource } from '../devices/recorded-source.js';
import { VibrationSource } from '../devices/vibration-source.js';
import type { WindowSource } from '../devices/window-source.js';
import type { Prng } from '../prng.js';
import type { Sensor } from '../scenario/scenario.js';
import { draw } from '../scenario/values.js';
import type { Condition } from '../signals/condition.js';
import { environments } from '../signals/environment.js';
import type { WindowPool } from '../signals/window-pool.js';
import { readRecordings } from './read-recordings.js';

/** What makes the source of a device, from its chance and the time of the run. */
export interface CreateSource {
  (prng: Prng, nowMs: () => number): WindowSource;
  /** All that may be true of a window. */
  readonly classes: readonly string[];
}

/**
 * The sources of a group of devices. Recordings are read once, in the form that the releases take. Throws `scenario-invalid` for
 * files that are not what they should be.
 *
 * @param pool machines that all share; each device has one of its own where it is left out
 */
export function sourcesOf(sensor: Sensor, form: SampleForm, pool?: WindowPool): CreateSource {
  if (sensor.kind !== 'vibration') {
    const recordings = readRecordings(sensor, form);
    const create = (prng: Prng): WindowSource => new RecordedSource(recordings, prng);
    return Object.assign(create, { classes: recordings.classes });
  }
  const mix = new Map(Object.entries(sensor.mix) as [Condition, number][]);
  const create = (prng: Prng, nowMs: () => number): WindowSource => {
    const perMs = draw(sensor.changes.perMs, prng.fork(3));
    const changeMs = perMs > 0 ? 1 / perMs : Infinity;
    const { environment } = sensor;
    if (pool !== undefined)
      return new PooledVibrationSource({ environment, mix, changeMs }, pool, prng, nowMs);
    const options = { environment: environments[environment], mix, changeMs };
    return new VibrationSource(options, prng, nowMs);
  };
  const classes = [...mix].filter(([, share]) => share > 0).map(([name]) => name);
  return Object.assign(create, { classes });
}
