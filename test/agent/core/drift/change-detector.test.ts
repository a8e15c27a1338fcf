import assert from 'node:assert/strict';
import { ChangeDetector } from '../../../../agent/core/drift/change-detector.js';
import { boundsOf } from '../../../../agent/core/drift/commissioning.js';
import { Tails } from '../../../../agent/core/drift/tails.js';
import { WindowNumbers } from '../../../../agent/core/drift/window-numbers.js';
import { Prng } from '../../../../simulator/prng.js';
import { requires } from '../../../helpers/requires.js';
import { readVectors } from '../../../helpers/vectors.js';

interface DriftVectors {
  readonly drift: {
    readonly commissioning_rows: readonly (readonly number[])[];
    readonly bounds: readonly (readonly [number, number])[];
    readonly run_length: number;
    readonly other_numbers_as_in_row: number;
    readonly course: readonly {
      readonly mean_x: number;
      readonly alarm: number | null;
      readonly m_first_number: readonly number[];
    }[];
  };
}

const numbers = new WindowNumbers({ channels: 3, scale: [-8, 8] });

const close = (actual: number, expected: number): void => {
  const error = Math.abs(actual - expected);
  assert.ok(error <= 1e-9 * Math.max(1, Math.abs(expected)), `${actual}, not ${expected}`);
};

describe('the detector of changes', () => {
  it('has the bounds and the accounts of the vectors, and gives their alarm', function () {
    requires(this, 'shared');
    const { drift } = readVectors('evidence-vectors.json') as DriftVectors;
    const bounds = drift.bounds.map((expected, number) => {
      const tails = new Tails(64);
      for (const row of drift.commissioning_rows) tails.add(row[number] ?? NaN);
      const found = boundsOf(tails, numbers.leastWidth(number));
      close(found.low, expected[0]);
      close(found.high, expected[1]);
      return found;
    });
    const detector = new ChangeDetector(bounds);
    const row = drift.commissioning_rows[drift.other_numbers_as_in_row];
    for (const { mean_x: mean, alarm, m_first_number: expected } of drift.course) {
      detector.add(Float64Array.of(mean, ...(row ?? []).slice(1)));
      for (const [bet, account] of expected.entries()) close(detector.accounts[bet] ?? 0, account);
      const isOver = detector.won >= drift.run_length;
      assert.equal(isOver ? detector.mostChanged : null, alarm);
    }
  });

  it('runs at least so long as it promises where a tenth of the windows are outside', () => {
    const runLength = 300;
    const prng = Prng.fromSeed(7);
    let windows = 0;
    const runs = 200;
    for (let run = 0; run < runs; run++) {
      const detector = new ChangeDetector([{ low: -Infinity, high: 0.9 }]);
      do {
        detector.add(Float64Array.of(prng.uniform(0, 1)));
        windows++;
      } while (detector.won < runLength);
    }
    assert.ok(windows / runs >= runLength, `${windows / runs} windows`);
  });

  it('takes what is no number for a change, and its accounts stay finite for ever', () => {
    const detector = new ChangeDetector([
      { low: 0, high: 1 },
      { low: 0, high: 1 },
    ]);
    for (let i = 0; i < 10_000; i++) detector.add(Float64Array.of(0.5, NaN));
    assert.equal(detector.mostChanged, 1);
    assert.ok(detector.accounts.every((account) => Number.isFinite(account)));
  });
});
