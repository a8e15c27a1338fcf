import type { Guardrail } from '../guardrail.js';
import { isBelow } from '../mean-claim.js';
import { unlabelledWindows } from '../missing-labels.js';
import { countOf, per100, unlessAlone } from '../words.js';

/**
 * Without true labels: where two releases give the same answer, neither is worse, so that the loss is at most what
 * they disagree on. That can show that a challenger is safe, and never that it is harm: labels of the windows on
 * which the two differ can.
 */
export const labelFree: Guardrail = {
  name: 'label-free',
  shareOfAlpha: 0,
  judge({ terms, samples, fleet, bounds: { upper } }) {
    if (terms.evidence !== 'health') return undefined;
    const { safe, alpha } = terms;
    const numbers = { upper, safe };
    const sound = isBelow(samples, safe, { alpha, leaveOneOut: fleet.length >= 3 });
    if (sound.isCertain) {
      const reason = `the two differ on less than ${per100(safe)} of 100 windows of the average device, so that it gives less than ${per100(safe)} more wrong answers`;
      return { verdict: 'safe', numbers, reason };
    }
    const reason =
      `cannot tell: the two may differ on as many as ${per100(upper)} of 100 windows${unlessAlone(sound)}; ` +
      `true labels of the ${countOf(unlabelledWindows(fleet), 'window')} on which they differ would help`;
    return { verdict: 'not-yet', numbers, reason };
  },
};
