import assert from 'node:assert/strict';
import fc from 'fast-check';
import { desireOf } from '../../../../agent/core/slot/desire.js';
import { noStanding } from '../../../../protocol/assignment/comparison.js';
import { toHex } from '../../../../protocol/bytes.js';
import { everyone, shortestTrial, type Policy } from '../../../../protocol/documents/policy.js';

const refer = (sequence: number) => ({ sequence, manifest: new Uint8Array(32).fill(sequence) });
const [champion, challenger] = [refer(10), refer(20)];
const shadow = { windows: 40, budgetPermille: 300 };
const terms = { devices: 48, alphaPermille: 50, deviceMarginPermille: 50, blockWindows: 10 };

/** All that a rollout ever asks of devices, in any step of it. */
const policies = fc
  .record({
    salt: fc.uint8Array({ minLength: 8, maxLength: 8 }),
    exposure: fc.integer({ min: 1, max: everyone }),
    minBlocks: fc.option(fc.integer({ min: 1, max: 256 }), { nil: undefined }),
    version: fc.integer({ min: 1, max: 1_000_000 }),
    step: fc.constantFrom('ramp', 'watched', 'promoted'),
    holdout: fc.integer({ min: 0, max: everyone }),
    turnWindows: fc.option(fc.integer({ min: 10, max: 1_000 }), { nil: undefined }),
  })
  .map(({ salt, exposure, minBlocks, version, step, holdout, turnWindows }): Policy => {
    const evidence = { ...terms, turnWindows };
    const common = { slot: 'vibration', version, trial: shortestTrial, gate: undefined, evidence };
    const of = { exposure: everyone, salt, shadow };
    const compared = [
      { ...of, name: 'shadow', release: challenger },
      { ...of, name: 'back', release: champion },
    ];
    if (step !== 'ramp') {
      const fallback = { release: champion, salt, minBlocks: minBlocks ?? 0, holdout };
      const [arms, promoted] = step === 'promoted' ? [[], 20] : [compared, undefined];
      return { ...common, champion: challenger, arms, promoted, fallback };
    }
    const ramp = {
      name: 'ramp',
      release: challenger,
      exposure,
      salt,
      shadow: undefined,
      minBlocks,
    };
    const arms = [ramp, ...compared];
    return { ...common, champion, arms, promoted: undefined };
  });
const deviceIds = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const standings = fc.record({
  blocks: fc.integer({ min: 0, max: 256 }),
  turns: fc.record({
    pairs: fc.integer({ min: 0, max: 256 }),
    windows: fc.integer({ min: 0, max: 2_000 }),
  }),
});
const atBest = { ...noStanding, blocks: 256 };

describe('What a policy wants of a device that is named by its own evidence', () => {
  it('is the champion, no floor, and the comparison to go on, whatever the step, the lots and its blocks', () => {
    fc.assert(
      fc.property(policies, deviceIds, standings, (policy, deviceId, found) => {
        const desire = desireOf(policy, deviceId, { ...found, named: true });
        assert.deepEqual(desire.release, { sequence: 10, manifest: toHex(champion.manifest) });
        assert.equal(desire.promoted, undefined);
        assert.equal(desire.staysBehind, policy.fallback !== undefined);
        assert.deepEqual(desire.comparison?.name.challenger, challenger);
        // Where it would be served otherwise, it says why it is not.
        const other = desireOf(policy, deviceId, atBest);
        if (other.release.sequence === 20) assert.equal(desire.comparison.aside, 'named');
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the challenger where it is not named and drawn, so that something is shown at all', () => {
    const drawn = fc
      .sample(policies, 200)
      .filter((policy) => desireOf(policy, 'press-7', atBest).release.sequence === 20);
    assert.ok(drawn.length > 20, String(drawn.length));
  });
});
