import type { Guardrail } from '../guardrail.js';
import { shareOfMean } from '../look.js';
import { isAbove, isBelow } from '../mean-claim.js';
import { labelsWouldHelp } from '../missing-labels.js';
import { per100, unlessAlone } from '../words.js';

/** The mean paired loss of the fleet: what a rollout is about. */
export const meanLoss: Guardrail = {
  name: 'mean-loss',
  shareOfAlpha: shareOfMean,
  judge({ terms, samples, fleet, bounds }) {
    if (terms.evidence !== 'labels') return undefined;
    const { safe, harm, alpha } = terms;
    const leaveOneOut = fleet.length >= 3;
    const { lower, upper } = bounds;
    const numbers = { lower, upper, harm, safe };
    const worse = isAbove(samples, harm, { alpha: alpha * shareOfMean, leaveOneOut });
    if (worse.isCertain) {
      const reason = `it gives at least ${per100(lower)} more wrong answers per 100 windows of the average device, and more than ${per100(harm)} is harm`;
      return { verdict: 'harm', numbers, reason };
    }
    const sound = isBelow(samples, safe, { alpha, leaveOneOut });
    const reason = sound.isCertain
      ? `it gives less than ${per100(safe)} more wrong answers per 100 windows of the average device`
      : `it may give as many as ${per100(upper)} more wrong answers per 100 windows of the average device, and less than ${per100(safe)} is safe${unlessAlone(worse)}${unlessAlone(sound)}${labelsWouldHelp(fleet)}`;
    return { verdict: sound.isCertain ? 'safe' : 'not-yet', numbers, reason };
  },
};
