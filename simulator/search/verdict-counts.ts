import type { Outcome } from '../simulation/outcome.js';
import type { Scenario } from '../scenario/scenario.js';

/** How rollouts of a search ended, and which verdicts were wrong. */
export interface VerdictCounts {
  promoted: number;
  aborted: number;
  reverted: number;
  held: number;
  running: number;
  /** Promoted, though the true loss is above what the rollout calls safe. */
  wrongSafe: number;
  /** Aborted over its loss, though the true loss is below what the rollout calls harm. */
  wrongHarm: number;
}

export function noVerdicts(): VerdictCounts {
  return {
    promoted: 0,
    aborted: 0,
    reverted: 0,
    held: 0,
    running: 0,
    wrongSafe: 0,
    wrongHarm: 0,
  };
}

/** Adds the rollouts of a run. A wrong verdict within alpha is no fault: it is counted. */
export function countVerdicts(
  counts: VerdictCounts,
  { rollouts }: Outcome,
  { timeline }: Scenario,
): void {
  for (const entry of timeline) {
    const ended = entry.action === 'rollout' ? rollouts[entry.name] : undefined;
    if (entry.action !== 'rollout' || ended === undefined) continue;
    counts[ended.ends]++;
    const { truth } = ended.loss;
    if (truth === undefined) continue;
    if (ended.ends === 'promoted' && truth > entry.safe) counts.wrongSafe++;
    if (ended.ends === 'aborted' && ended.reason === 'loss' && truth < entry.harm)
      counts.wrongHarm++;
  }
}
