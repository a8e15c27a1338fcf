import { fromHex } from '../../protocol/bytes.js';
import { everyone, type Arm, type Policy } from '../../protocol/documents/policy.js';
import type { ReleaseRef } from '../../protocol/documents/release-ref.js';
import { exposureOf, isBaking } from './steps.js';
import { shadowStep, type Rollout, type RolloutRelease } from './rollout.js';

/** The policy that makes devices do what the present step of a rollout asks. */
export function policyOf(rollout: Rollout): Omit<Policy, 'version'> {
  const { slot, status, step, plan, minBlocks, roster } = rollout;
  const [champion, challenger] = [refOf(rollout.champion), refOf(rollout.challenger)];
  const salt = fromHex(rollout.salt);
  const common = { slot, trial: plan.trial, gate: undefined, promoted: undefined };
  const evidence = {
    devices: roster.length,
    alphaPermille: Math.round(1000 * plan.terms.alpha),
    deviceMarginPermille: Math.round(1000 * plan.terms.deviceMargin),
    blockWindows: plan.terms.blockWindows,
    ...(plan.turnWindows > 0 && { turnWindows: plan.turnWindows }),
  };
  // Whoever is worse off, or has compared too little, goes on with the champion, and keeps its evidence.
  const fallback = { release: champion, salt, minBlocks, holdout: 0 };
  switch (status) {
    case 'promoted': {
      const promoted = challenger.sequence;
      return { ...common, champion: challenger, arms: [], promoted, evidence, fallback };
    }
    case 'aborted':
      return { ...common, champion, arms: [] };
    case 'running':
    case 'paused':
    case 'held': {
      const { shadow: terms } = plan;
      const of = { exposure: everyone, salt, shadow: terms };
      const shadow: Arm = { ...of, name: 'shadow', release: challenger };
      if (step === shadowStep) return { ...common, champion, arms: [shadow], evidence };
      // Whoever is served compares as well: the champion answers the same windows, heard by nobody.
      const back: Arm = { ...of, name: 'back', release: champion };
      if (isBaking(rollout)) {
        const baking = { ...fallback, holdout: plan.holdout };
        return {
          ...common,
          champion: challenger,
          arms: [shadow, back],
          evidence,
          fallback: baking,
        };
      }
      const ramp: Arm = {
        name: 'ramp',
        release: challenger,
        exposure: exposureOf(rollout),
        salt,
        ...(minBlocks > 0 && { minBlocks }),
      };
      return { ...common, champion, arms: [ramp, shadow, back], evidence };
    }
  }
}

function refOf({ sequence, manifest }: RolloutRelease): ReleaseRef {
  return { sequence, manifest: fromHex(manifest) };
}
