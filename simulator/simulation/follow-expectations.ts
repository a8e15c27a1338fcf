import { Evaluation } from '../scenario/evaluation.js';
import type { Scenario } from '../scenario/scenario.js';
import type { LockStep } from './lock-step.js';
import type { Terms } from './terms.js';

/** Between two looks of expectations that must hold for a time; a long run is looked at two thousand times. */
const leastLookMs = 1_000;
const mostLooks = 2_000;

/** Lets time pass to the end of the scenario, and asks its expectations when they are due. */
export async function followExpectations(
  { durationMs, timeline, expectations }: Scenario,
  lockStep: LockStep,
  terms: Terms,
  goesOn: () => boolean,
  progress: ((virtualMs: number) => void) | undefined,
): Promise<readonly Evaluation[]> {
  const lookMs = Math.max(leastLookMs, durationMs / mostLooks);
  const begins = new Map(
    timeline.flatMap((entry) =>
      entry.action === 'rollout' ? [[entry.name, entry.atMs] as const] : [],
    ),
  );
  const evaluations = expectations.map(
    (expectation) =>
      new Evaluation(expectation, {
        durationMs,
        beginsMs: (rollout) => begins.get(rollout) ?? 0,
        lookMs,
      }),
  );
  while (lockStep.nowMs < durationMs && goesOn()) {
    const dues = evaluations.flatMap(({ dueMs }) => dueMs ?? []);
    // Progress is told at least so often, too.
    await lockStep.run(Math.min(durationMs, lockStep.nowMs + durationMs / 100, ...dues), goesOn);
    const { nowMs } = lockStep;
    for (const evaluation of evaluations) {
      if ((evaluation.dueMs ?? Infinity) <= nowMs || nowMs >= durationMs)
        evaluation.observe(nowMs, (term) => terms.read(term));
    }
    progress?.(nowMs);
  }
  return evaluations;
}
