import type { Rollout } from './rollout.js';
import { judge, type VerdictRecord } from './verdict.js';

/** A verdict, and whether its inputs give the same judgement again, byte for byte as JSON. */
export interface ReplayedVerdict {
  readonly verdict: VerdictRecord;
  readonly agrees: boolean;
}

/** Derives every verdict of a rollout again from the numbers that were kept with it. */
export function replayVerdicts(rollout: Rollout): readonly ReplayedVerdict[] {
  return rollout.verdicts.map((verdict) => ({
    verdict,
    agrees: JSON.stringify(judge(verdict.inputs, rollout)) === JSON.stringify(verdict.judgement),
  }));
}
