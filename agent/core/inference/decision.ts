import type { DecisionRule } from '../../../protocol/documents/pipeline.js';

/** What a window turned out to be. */
export interface Decision {
  /** The index of the class; undefined where the rule names none. */
  readonly index: number | undefined;
  /** The name of the class, or its index in digits where the release has no labels. */
  readonly label: string | undefined;
  readonly score: number | undefined;
}

/** Decides on dequantised scores. Of equal scores the first counts, as in ARG_MAX; NaN never wins. */
export function decide(
  scores: Float32Array,
  labels: readonly string[],
  rule: DecisionRule,
): Decision {
  const nothing = { index: undefined, label: undefined, score: undefined };
  if (rule.kind === 'none') return nothing;
  let index: number | undefined;
  let score = -Infinity;
  scores.forEach((candidate, i) => {
    if (candidate > score || (index === undefined && candidate === score)) {
      score = candidate;
      index = i;
    }
  });
  if (index === undefined) return nothing;
  if (rule.threshold !== undefined && score < rule.threshold) return { ...nothing, score };
  return { index, label: labels[index] ?? String(index), score };
}
