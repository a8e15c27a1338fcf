import assert from 'node:assert/strict';
import { idleJoules, inferenceJoules, radioJoules } from '../../../simulator/boards/energy.js';

const power = { batteryJ: 32_400, activeW: 0.04, sleepW: 0.00002, dutyCycle: 1 / 60 };

describe('the energy of a device', () => {
  it('is active power for the time of an inference', () => {
    assertNear(inferenceJoules(power, 182_000), 0.00728);
  });

  it('is that of each bit on the radio', () => {
    assertNear(radioJoules({ radioJPerBit: 1.2e-6 }, 1_000), 0.0096);
  });

  it('is that of a duty cycle where nothing is computed', () => {
    assertNear(idleJoules(power, 60_000, 0), 0.04 * 1 + 0.00002 * 59);
  });

  it('counts no second twice: inferences are made in the duty cycle', () => {
    const awake = idleJoules(power, 60_000, 400) + inferenceJoules(power, 400_000);
    assertNear(awake, idleJoules(power, 60_000, 0));
  });

  it('is awake for inferences alone where they need more than the duty cycle', () => {
    assertNear(idleJoules(power, 60_000, 10_000), 0.00002 * 50);
    assert.equal(idleJoules(power, 60_000, 70_000), 0);
  });
});

function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} instead of ${expected}`);
}
