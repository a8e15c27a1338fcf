import assert from 'node:assert/strict';
import { judge } from '../../../operator/verdict/judge.js';
import type { FleetEvidence } from '../../../operator/verdict/evidence.js';
import { Prng } from '../../../simulator/prng.js';
import { oddsOf, type Odds } from '../../proof/evidence/paired-answers.js';
import type { DeviceNature } from '../../proof/evidence/simulated-device.js';
import { runRamp } from '../../proof/evidence/simulated-ramp.js';
import {
  compareInShadow,
  makeFleet,
  type RolloutPlan,
} from '../../proof/evidence/simulated-rollout.js';
import { keepsPromise, Tally } from '../../proof/evidence/tally.js';

/**
 * A fixed sample of what `npm run proof -- evidence` measures: how often verdicts are wrong where the truth is
 * known. Each rule is also left out once, so that it is certain that its loss would be found.
 */

const equal = oddsOf(0);
const allLost: Odds = { onlyChampionRight: 1, onlyChallengerRight: 0 };
const allWon: Odds = { onlyChampionRight: 0, onlyChallengerRight: 1 };

function shadowRuns(
  runs: number,
  devices: number,
  natureOf: (index: number) => DeviceNature,
  plan: RolloutPlan = {},
): Tally {
  const tally = new Tally();
  for (let run = 0; run < runs; run++) {
    const fleet = makeFleet(devices, natureOf, Prng.fromSeed(run), plan.correlation);
    const { verdict, windows, judgement } = compareInShadow(fleet, plan);
    tally.add({ end: verdict, windows, guardrail: judgement.guardrail });
  }
  return tally;
}

function rampRuns(
  runs: number,
  devices: number,
  nature: DeviceNature,
  plan: RolloutPlan = {},
): Tally {
  const tally = new Tally();
  for (let run = 0; run < runs; run++) {
    const prng = Prng.fromSeed(run);
    const fleet = makeFleet(devices, () => nature, prng);
    const outcome = runRamp(fleet, { mostStepTicks: 60, ...plan }, prng.fork(devices));
    tally.add({ ...outcome, end: `${outcome.end} ${outcome.step}` });
  }
  return tally;
}

describe('verdicts of simulated fleets', () => {
  for (const correlation of [0, 0.5]) {
    it(`are wrong no more often than promised, with bursts of ${correlation}`, () => {
      const plan = { correlation, mostTicks: 100 };
      const safe = shadowRuns(40, 48, () => ({ shadow: oddsOf(0.02) }), plan);
      assert.ok(keepsPromise(safe.count('safe'), 40, 0.05), `${safe.count('safe')} wrong safe`);
      const harm = shadowRuns(40, 48, () => ({ shadow: oddsOf(0.01) }), plan);
      assert.ok(keepsPromise(harm.count('harm'), 40, 0.025), `${harm.count('harm')} wrong harm`);
    });
  }

  it('come as soon as they did when the rule was made', () => {
    const rows: readonly (readonly [
      devices: number,
      loss: number,
      end: string,
      windows: number,
    ])[] = [
      [3, 0, 'safe', 1_520],
      [10, 0, 'safe', 340],
      [48, 0, 'safe', 60],
      [100, 0, 'safe', 30],
      [10, 0.05, 'harm', 170],
      [48, 0.05, 'harm', 40],
      [10, 0.2, 'harm', 40],
      [1000, 0, 'safe', 30],
    ];
    for (const [devices, loss, end, windows] of rows) {
      const tally = shadowRuns(devices > 100 ? 4 : 16, devices, () => ({ shadow: oddsOf(loss) }));
      const found = tally.medianWindows(end) ?? Infinity;
      assert.ok(tally.share(end) >= 0.9, `${devices} devices: ${tally.cell(end)}`);
      assert.ok(found <= 1.3 * windows + 10, `${devices} devices: ${found} for ${windows} windows`);
    }
  });

  it('are not for one device to decide', () => {
    for (const devices of [3, 10, 48]) {
      const plan = { mostTicks: 60 };
      const harm = shadowRuns(8, devices, (i) => ({ shadow: i === 0 ? allLost : equal }), plan);
      assert.equal(harm.count('harm'), 0);
      const worse = oddsOf(0.03);
      const safe = shadowRuns(8, devices, (i) => ({ shadow: i === 0 ? allWon : worse }), plan);
      assert.equal(safe.count('safe'), 0);
    }
  });

  it('do not come from the fast ones while the slowest tenth loses', () => {
    const slow = (i: number): DeviceNature =>
      i % 10 === 0 ? { shadow: oddsOf(0.3, 0.3), speed: 0.55 } : { shadow: equal };
    const tally = shadowRuns(8, 100, slow, { mostTicks: 60 });
    assert.equal(tally.count('safe'), 0);
  });

  it('are not had by looking at open rounds, which would be found', () => {
    // A judge that takes the blocks of whoever has some, and asks nobody to wait.
    const impatient = (evidence: FleetEvidence) => {
      const most = Math.max(...evidence.devices.map(({ shadow }) => shadow.length));
      const filled = evidence.devices.map((device) => ({
        ...device,
        shadow: Array.from({ length: most }, (_, i) => device.shadow[i] ?? noBlock),
      }));
      return judge({ ...evidence, devices: filled });
    };
    const noBlock = {
      onlyChampionRight: 0,
      onlyChallengerRight: 0,
      windows: 10,
      unlabelled: 0,
      policy: 1,
      served: 0,
    } as const;
    const slow = (i: number): DeviceNature =>
      i % 10 === 0 ? { shadow: oddsOf(0.25, 0.25), speed: 0.55 } : { shadow: equal };
    const plan = { mostTicks: 40 };
    assert.ok(shadowRuns(8, 100, slow, { ...plan, judge: impatient }).count('safe') > 0);
    assert.equal(shadowRuns(8, 100, slow, plan).count('safe'), 0);
  });
});

describe('ramps of simulated fleets', () => {
  it('promote equal models', () => {
    for (const devices of [3, 10, 48]) {
      const tally = rampRuns(6, devices, { shadow: equal }, { mostStepTicks: 150 });
      assert.ok(tally.runs.filter(({ end }) => end.startsWith('promoted')).length >= 4);
      assert.equal(tally.runs.filter(({ end }) => end.startsWith('aborted')).length, 0);
    }
  });

  it('end in the first step where the challenger loses once it serves', () => {
    for (const devices of [3, 10, 48, 100]) {
      const tally = rampRuns(6, devices, { shadow: equal, served: oddsOf(0.2) });
      assert.ok(
        tally.runs.every(({ end }) => /^open in the shadow| 1$/.test(end)),
        tally.runs.map(({ end }) => end).join(),
      );
    }
  });

  it('would promote it if the surplus of the shadow counted, which would be found', () => {
    // Long equal shadows, and a judge that never looks at the blocks of the step.
    const blind = (evidence: FleetEvidence) => judge({ ...evidence, step: undefined, unmet: [] });
    const tally = rampRuns(
      6,
      48,
      { shadow: equal, served: oddsOf(0.2) },
      { judge: blind, looksAt: (tick) => tick === 64 },
    );
    assert.ok(tally.count('promoted 3') > 0);
  });

  it('end in the first step where the challenger kills whom it serves', () => {
    for (const devices of [3, 10, 48, 100]) {
      const tally = rampRuns(
        4,
        devices,
        { shadow: equal, diesServing: true },
        { mostStepTicks: 20 },
      );
      assert.ok(
        tally.runs.every(({ end }) => /^open in the shadow|^held 1$|^aborted 1$/.test(end)),
      );
    }
  });
});
