import assert from 'node:assert/strict';
import type { Condition } from '../../../simulator/signals/condition.js';
import { WindowPool } from '../../../simulator/signals/window-pool.js';

describe('the pool of windows', () => {
  it('has the same windows whether they are kept or made anew', () => {
    const [kept, made] = [new WindowPool(7, true), new WindowPool(7, false)];
    const places = [0, 1, 255].flatMap((machine) => [0, 15].map((number) => [machine, number]));
    // Twice: the second time they are there.
    for (const [machine = 0, number = 0] of [...places, ...places])
      assert.deepEqual(take(kept, machine, number), take(made, machine, number));
  });

  it('has another window for each seed, machine, condition and number', () => {
    const windows = [
      take(new WindowPool(7, true), 1, 1),
      take(new WindowPool(8, true), 1, 1),
      take(new WindowPool(7, true), 2, 1),
      take(new WindowPool(7, true), 1, 2),
      take(new WindowPool(7, true), 1, 1, 'looseness'),
    ];
    assert.equal(new Set(windows.map((window) => window.join())).size, windows.length);
  });

  it('keeps what is true of a machine over its windows', () => {
    const pool = new WindowPool(3, true);
    const means = [0, 1].map((machine) =>
      Array.from({ length: 8 }, (_, number) => meanOfZ(take(pool, machine, number))),
    );
    const spread = (values: readonly number[]): number => Math.max(...values) - Math.min(...values);
    // Gravity as the sensor is mounted: it differs between machines by far more than between moments.
    const between = Math.abs((means[0]?.[0] ?? 0) - (means[1]?.[0] ?? 0));
    for (const values of means) assert.ok(spread(values) < between / 2, JSON.stringify(means));
  });
});

function take(
  pool: WindowPool,
  machine: number,
  number: number,
  condition: Condition = 'normal',
): readonly number[] {
  const values = new Float32Array(768);
  pool.fill('field', condition, machine, number, values);
  return [...values];
}

function meanOfZ(window: readonly number[]): number {
  const values = window.filter((_, i) => i % 3 === 2);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
