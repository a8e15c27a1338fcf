import { fromHex } from '../../protocol/bytes.js';
import { everyone, type Arm, type Policy } from '../../protocol/documents/policy.js';
import type { ReleaseRef } from '../../protocol/documents/release-ref.js';
import { shadowStep, type Rollout, type RolloutRelease } from './rollout.js';

/** The policy that makes devices do what the present step of a rollout asks. */
export function policyOf(rollout: Rollout): Omit<Policy, 'version'> {
  const { slot, status, step, plan } = rollout;
  const [champion, challenger] = [refOf(rollout.champion), refOf(rollout.challenger)];
  const common = { slot, trial: plan.trial, gate: plan.gate };
  switch (status) {
    case 'promoted':
      return { ...common, champion: challenger, arms: [], promoted: challenger.sequence };
    case 'aborted':
      return { ...common, champion, arms: [], promoted: undefined };
    case 'running':
    case 'paused':
    case 'held': {
      const salt = fromHex(rollout.salt);
      const shadow: Arm = {
        name: 'shadow',
        release: challenger,
        exposure: everyone,
        salt,
        shadow: plan.shadow,
      };
      if (step === shadowStep) return { ...common, champion, arms: [shadow], promoted: undefined };
      const exposure = plan.exposures[step] ?? 0;
      const ramp: Arm = { name: 'ramp', release: challenger, exposure, salt };
      // Who is not served yet goes on comparing.
      return { ...common, champion, arms: [ramp, shadow], promoted: undefined };
    }
  }
}

function refOf({ sequence, manifest }: RolloutRelease): ReleaseRef {
  return { sequence, manifest: fromHex(manifest) };
}
