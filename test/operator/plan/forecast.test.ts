import assert from 'node:assert/strict';
import { planRollout, type Forecast } from '../../../operator/plan/forecast.js';
import type { PlanTerms } from '../../../operator/plan/plan-terms.js';
import { examplePlanTerms } from './example-plan-terms.js';

const plan = (change: Partial<PlanTerms>): Forecast =>
  planRollout({ ...examplePlanTerms, ...change });

const near = (actual: number | undefined, expected: number, what: string): void => {
  assert.ok(
    actual !== undefined && Math.abs(actual - expected) <= Math.max(0.25 * expected, 10),
    `${what}: ${actual} windows, not about ${expected}`,
  );
};

describe('the forecast of a rollout', () => {
  // The medians that were measured for the rules, by fleet, each with one device left out.
  const rows = [
    [1, 2_080, 2_090, 1_320, 290],
    [3, 1_520, 1_130, 770, 160],
    [10, 340, 250, 170, 40],
    [48, 60, 50, 40, 10],
    [100, 30, 30, 20, 10],
  ] as const;
  for (const [devices, equal, equalSeldom, five, twenty] of rows) {
    it(`agrees with what was measured for ${devices} devices`, () => {
      const { shadow } = plan({ devices });
      const by = (effect: number) => shadow.find((row) => row.effect === effect);
      near(by(0)?.safe.windows, equal, 'as good');
      near(by(0.05)?.harm.windows, five, '5 points');
      near(by(0.2)?.harm.windows, twenty, '20 points');
      near(plan({ devices, disagreement: 0.02 }).shadow[0]?.safe.windows, equalSeldom, 'seldom');
      assert.ok((by(0)?.harm.share ?? 1) <= 0.025, 'harm of equal models');
      assert.ok((by(0.02)?.safe.share ?? 1) <= 0.05, 'safe at the margin');
      assert.ok((by(0.2)?.harm.share ?? 0) === 1);
    });
  }

  it('agrees with what was measured where nobody labels, and of the ramp', () => {
    for (const [devices, windows, blocks] of [
      [1, 2_650, 109],
      [3, 1_400, 65],
      [10, 310, 37],
      [48, 60, 25],
      [100, 30, 12],
    ] as const) {
      const { shadow } = plan({ devices, disagreement: 0.005, labelled: 0 });
      near(shadow[0]?.safe.windows, windows, 'without labels');
      assert.equal(shadow[4]?.harm.share, 0);
      const exposures = [1_000, 3_000, 10_000];
      near((plan({ devices, exposures }).ramp?.windows ?? 0) / 10, blocks, 'ramp');
    }
  });

  it('is the same each time, and takes no longer for a fleet of a million', () => {
    assert.deepEqual(plan({ devices: 1_000_000 }), plan({ devices: 1_000_000 }));
    assert.equal(plan({ devices: 1_000_000 }).shadow[0]?.safe.windows, 30);
  });

  it('counts time by the windows that are compared, not by those that come', () => {
    const each = plan({ devices: 48 }).shadow[0];
    const drawn = plan({ devices: 48, sampled: { windows: 40, overMs: 3_600_000 } }).shadow[0];
    assert.equal(each?.safe.ms, 1_000 * (each?.safe.windows ?? 0));
    assert.equal(drawn?.safe.ms, 90 * (each?.safe.ms ?? 0));
  });

  it('says what cannot be shown', () => {
    const said = (change: Partial<PlanTerms>): string => plan(change).caveats.join('\n');
    assert.match(said({ devices: 1 }), /rests on a single device/);
    assert.match(said({ devices: 3 }), /a single device that stops comparing holds the verdict/);
    assert.match(said({ devices: 9 }), /a single device that stops comparing holds the verdict/);
    assert.doesNotMatch(said({ devices: 10 }), /holds the verdict/);
    assert.match(said({ devices: 10 }), /found when all devices are served/);
    assert.match(said({ devices: 48 }), /would take 237 devices that lose nothing/);
    assert.match(said({ devices: 48, safe: 0.03 }), /158 devices/);
    assert.match(said({ devices: 48, safe: 0.05 }), /94 devices/);
    assert.match(said({ devices: 10, labelled: 0 }), /without true labels/);
    assert.match(said({ devices: 10, error: 0.01 }), /differ on 2 % at most/);
    assert.match(said({ devices: 1 }), /called safe in \d+(\.\d)? % of such rollouts only/);
  });
});
