import { everyone } from '../../protocol/documents/policy.js';
import type { Rollout } from './rollout.js';

/** How many steps serve somebody: one for each exposure, and the bake, where one is planned. */
export function stepsOf({ exposures, plan }: Pick<Rollout, 'exposures' | 'plan'>): number {
  return exposures.length + (plan.bakeMs > 0 ? 1 : 0);
}

/** Whether everyone is served, and the fleet is only watched for a while before there is no way back. */
export function isBaking({ exposures, step }: Pick<Rollout, 'exposures' | 'step'>): boolean {
  return step === exposures.length;
}

/** The share of the fleet that the present step serves, in 1/10000; those that are held out are among it. */
export function exposureOf(rollout: Pick<Rollout, 'exposures' | 'step'>): number {
  return isBaking(rollout) ? everyone : (rollout.exposures[rollout.step] ?? 0);
}
