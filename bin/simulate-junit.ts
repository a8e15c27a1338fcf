import { createCheckers } from '../simulator/checkers/all-checkers.js';
import type { Scenario } from '../simulator/scenario/scenario.js';
import type { Outcome } from '../simulator/simulation/outcome.js';
import type { JunitCase } from './junit.js';

/** What a run held and what not, as cases: the run itself, each expectation and each checker. */
export function junitCasesOf(
  outcome: Outcome,
  { expectations: asked }: Pick<Scenario, 'expectations'>,
): readonly JunitCase[] {
  const { exit, reason, expectations, violations } = outcome;
  const ends: JunitCase = {
    name: 'ends without a crash, and the same each time',
    failure: exit === 12 || exit === 13 ? { type: `exit ${exit}`, message: reason } : undefined,
  };
  const expected = expectations
    // What must hold in some seed of a search says nothing of one run.
    .filter((_, i) => asked[i]?.sometimes !== true)
    .map(({ text, held, value }): JunitCase => {
      const message = `it was ${value ?? 'nothing to tell'}; replay: ${outcome.replay}`;
      return { name: text, failure: held ? undefined : { type: 'not held', message } };
    });
  const checked = createCheckers('any').map(({ name }): JunitCase => {
    const own = violations.filter(({ checker }) => checker === name);
    const message = own.map(({ device, atMs, text }) => `${device} at ${atMs} ms: ${text}`);
    return {
      name: `checker ${name}`,
      failure: own.length === 0 ? undefined : { type: 'violated', message: message.join('; ') },
    };
  });
  return [ends, ...expected, ...checked];
}
