import { isDeepStrictEqual } from 'node:util';
import { actionFor, judgementOf } from '../../operator/rollout/verdict-record.js';
import type { Checker } from './checker.js';

/** Each verdict follows from the evidence that it names, each action from its verdict, and none is left out of the chain. */
export function createControllerChecker(): Checker {
  const numbers = new Map<string, number>();
  return {
    name: 'controller',
    kind: 'safety',
    world(event) {
      if (event.kind !== 'decided') return undefined;
      const { rollout, verdict } = event;
      const { number, evidence, judgement, inputs, action } = verdict;
      const before = numbers.get(rollout) ?? 0;
      numbers.set(rollout, number);
      if (number !== before + 1) return `verdict ${number} of ${rollout} after ${before}`;
      if (!isDeepStrictEqual(judgementOf(evidence), judgement))
        return `verdict ${number} of ${rollout} does not follow from its evidence`;
      if (inputs.by === 'controller' && actionFor(judgement, inputs) !== action)
        return `${action} of ${rollout} does not follow from verdict ${number}`;
      return undefined;
    },
  };
}
