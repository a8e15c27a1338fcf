import assert from 'node:assert/strict';
import fc from 'fast-check';
import { planRollout } from '../../../operator/plan/forecast.js';
import type { PlanTerms } from '../../../operator/plan/plan-terms.js';
import { refusalsOf } from '../../../operator/plan/refusals.js';
import { examplePlanTerms } from './example-plan-terms.js';

describe('a plan', () => {
  const rows: readonly (readonly [
    what: string,
    change: Partial<PlanTerms>,
    code: string | undefined,
  ])[] = [
    ['as it is', {}, undefined],
    ['of a fleet of one', { devices: 1 }, undefined],
    ['whose harm is more than what is safe', { harm: 0.03 }, 'plan-contradictory'],
    ['with a level that is no number', { alpha: NaN }, 'plan-contradictory'],
    ['with a margin that is no number', { safe: NaN }, 'plan-contradictory'],
    ['with a margin of nothing', { safe: 0, harm: 0 }, 'plan-contradictory'],
    ['for no device', { devices: 0 }, 'plan-contradictory'],
    ['with blocks of one window', { blockWindows: 1 }, 'plan-contradictory'],
    ['with a step that serves nobody more', { exposures: [5_000, 5_000] }, 'plan-contradictory'],
    ['without steps', { exposures: [] }, 'plan-contradictory'],
    ['with an endless error', { error: Infinity }, 'plan-contradictory'],
    [
      'with a margin that one device cannot show in 256 blocks',
      { devices: 1, safe: 0.01 },
      'plan-unreachable',
    ],
    [
      'about a population, of fewer devices than that takes',
      { devices: 236, scope: 'population' },
      'plan-unreachable',
    ],
    ['about a population, of just enough', { devices: 237, scope: 'population' }, undefined],
    [
      'whose step is given up before anything could be safe',
      { devices: 1, horizonMs: 60_000 },
      'plan-unreachable',
    ],
    ['whose step lasts just long enough', { devices: 48, horizonMs: 30_000 }, undefined],
  ];
  for (const [what, change, code] of rows) {
    it(`${what} is ${code === undefined ? 'taken' : `refused with ${code}`}`, () => {
      assert.equal(refusalsOf({ ...examplePlanTerms, ...change })[0]?.code, code);
    });
  }

  it('of any terms is forecast or refused in words, and never takes more than its time', () => {
    const value = fc.oneof(
      fc.double(),
      fc.double({ min: 0, max: 0.6, noNaN: true }),
      fc.constantFrom(0, 1, -1, NaN, Infinity),
    );
    const devices = fc.constantFrom(1, 2, 3, 7, 30);
    const terms = fc.record({
      devices: fc.oneof(value, devices, devices),
      error: value,
      disagreement: value,
      labelled: value,
      safe: value,
      harm: value,
      alpha: value,
      blockWindows: fc.oneof(value, fc.constantFrom(5, 10, 20)),
      scope: fc.constantFrom('these-devices' as const, 'population' as const),
    });
    fc.assert(
      fc.property(terms, (change) => {
        const { shadow, refusals } = planRollout({ ...examplePlanTerms, ...change });
        assert.ok(refusals.length > 0 || shadow.length > 0 || change.scope === 'population');
        for (const { safe, harm } of shadow) {
          assert.ok(safe.share >= 0 && harm.share >= 0 && safe.share + harm.share <= 1 + 1e-9);
        }
      }),
      { numRuns: 60 },
    );
  });
});
