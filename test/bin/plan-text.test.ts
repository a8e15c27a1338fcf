import assert from 'node:assert/strict';
import { planLines } from '../../bin/plan-text.js';
import { planRollout } from '../../operator/plan/forecast.js';
import { examplePlanTerms } from '../operator/plan/example-plan-terms.js';

describe('the text of a plan', () => {
  it('has a line for each effect, the ramp, and what cannot be shown', () => {
    const sampled = { windows: 40, overMs: 3_600_000 };
    const lines = planLines(planRollout({ ...examplePlanTerms, sampled }));
    assert.match(lines[0] ?? '', /^challenger +safe +windows +time +harm +windows +time$/);
    assert.match(lines[1] ?? '', /^as good +100 % +[67]0 +(90|110) min +0 % +- +-$/);
    assert.match(lines[5] ?? '', /^20 % more wrong +0 % +- +- +100 % +10 +15 min$/);
    assert.match(lines[6] ?? '', /^then 4 steps of the ramp .* \d+ windows of each served device/);
    assert.ok(lines.some((line) => line.startsWith('- a verdict speaks of these 48 devices')));
  });

  it('says why a plan is refused', () => {
    const lines = planLines(planRollout({ ...examplePlanTerms, devices: 1, safe: 0.01 }));
    assert.match(
      lines.at(-1) ?? '',
      /^plan-unreachable: less than 1 of 100 windows cannot be shown by 1 device/,
    );
    const none = planLines(planRollout({ ...examplePlanTerms, alpha: NaN }));
    assert.deepEqual(none, ['plan-contradictory: alpha is NaN, and must be from 0.0001 to 0.5']);
  });
});
