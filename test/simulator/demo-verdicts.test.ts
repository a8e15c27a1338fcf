import assert from 'node:assert/strict';
import { judge } from '../../operator/rollout/verdict.js';
import { demoPlan } from '../../simulator/demo/rollout-chapter.js';
import { Prng } from '../../simulator/prng.js';
import { conditions } from '../../simulator/signals/condition.js';
import { environments } from '../../simulator/signals/environment.js';
import { VibrationSignal } from '../../simulator/signals/vibration-signal.js';
import type { DemoVersion } from './demo-documents.js';
import { DemoRelease } from './demo-release.js';

const seeds = Array.from({ length: 20 }, (_, i) => i + 1);
/** The fleet of `tinylamp demo`, without the real agent. */
const devices = 47;

/** What its rollouts come to is decided by the machines that a seed draws: here without broker and clock. */
describe('The verdict on a demo model, for the fleets of twenty seeds', function () {
  this.timeout(120_000);
  for (const [champion, challenger, expected] of [
    ['v1', 'v2', 'safe'],
    ['v2', 'v3', 'harm'],
  ] as const) {
    it(`is ${expected} for ${challenger} in the shadow of ${champion}`, async () => {
      const models = await Promise.all([champion, challenger].map(load));
      for (const seed of seeds) {
        const harmed = await countHarmed(seed, models);
        const { verdict } = judge(inputsWith(harmed), { plan: demoPlan });
        assert.equal(verdict, expected, `seed ${seed}: worse on ${harmed} of ${devices} devices`);
      }
    });
  }
});

function load(version: DemoVersion): Promise<DemoRelease> {
  return DemoRelease.load(version);
}

/** Devices on which the second model is wrong on so many more of the same windows that it counts as harm. */
async function countHarmed(seed: number, models: readonly DemoRelease[]): Promise<number> {
  const { labelledWindows, gate } = demoPlan;
  const prng = Prng.fromSeed(seed);
  const samples = new Float32Array(256 * 3);
  let harmed = 0;
  for (let i = 0; i < devices; i++) {
    const truth = i % conditions.length;
    const condition = conditions[truth] ?? 'normal';
    const signal = new VibrationSignal(environments.field, condition, prng.fork(i).fork(0));
    let worse = 0;
    for (let window = 0; window < labelledWindows; window++) {
      signal.next(samples);
      const [championIsRight, challengerIsRight] = await Promise.all(
        models.map(async (model) => (await model.answer(samples)).index === truth),
      );
      worse += Number(championIsRight) - Number(challengerIsRight);
    }
    if (worse * 1000 > gate.marginPermille * labelledWindows) harmed++;
  }
  return harmed;
}

/** Every device has compared, and nothing else speaks for or against it. */
function inputsWith(harmed: number) {
  return {
    step: -1,
    compared: devices,
    harmed,
    late: 0,
    lateServed: null,
    mixDistance: null,
    enrolled: devices,
    failed: 0,
    expected: devices,
    arrived: devices,
    elapsedMs: demoPlan.stepSoakMs,
  };
}
