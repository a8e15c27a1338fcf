import type { Outcome } from '../simulation/outcome.js';

/** What a run failed by, without instants and numbers: two runs with the same one have failed in the same way. */
export function failureOf({ exit, reason, violations, expectations }: Outcome): string | undefined {
  if (exit === 0) return undefined;
  const [violation] = violations;
  if (exit === 12) return `crash: ${reason.split('\n', 1)[0]?.replace(/sim-\d+|\d+/g, '')}`;
  const missed = expectations.find(({ held }) => !held);
  const byChecker = violation !== undefined && reason.startsWith(`${violation.checker}: `);
  return byChecker ? `checker: ${violation.checker}` : `expected: ${missed?.text}`;
}
