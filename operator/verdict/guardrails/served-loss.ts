import type { Guardrail } from '../guardrail.js';
import type { StepLook } from '../look.js';
import { isAbove, isBelow, lowerOf, upperOf } from '../mean-claim.js';
import { quorum } from '../rounds.js';
import { countOf, per100, unlessAlone } from '../words.js';

const shareOfAlpha = 1 / 8;

/** Fewer served devices than this show only a coarse margin in a reasonable time. */
const manyServed = 12;
const coarseMargin = 0.1;

/**
 * What the devices lose that a step serves, over their own blocks of this step alone: an equal shadow, or an
 * earlier step, must not pay for what is lost now.
 */
export const servedLoss: Guardrail = {
  name: 'served-loss',
  shareOfAlpha,
  judge({ terms, step, fleet }) {
    if (step === undefined) return undefined;
    const { harm, alpha, steps, evidence } = terms;
    const { samples, served, context } = step;
    // Also where a step of a larger fleet serves but two: no single device decides.
    const leaveOneOut = Math.max(served.length, fleet.length) >= 3;
    const isCoarse = served.length < manyServed && !context.isLast;
    const safe = isCoarse ? Math.max(coarseMargin, 2 * terms.safe) : 2 * terms.safe;
    const level = (alpha * shareOfAlpha) / steps;
    const common = { harm, safe, served: served.length };
    const worse = isAbove(samples, harm, { alpha: level, leaveOneOut });
    if (evidence === 'labels' && worse.isCertain) {
      const lower = lowerOf(samples, level);
      const reason = `where it serves it gives at least ${per100(lower)} more wrong answers per 100 windows, and more than ${per100(harm)} is harm`;
      return { verdict: 'harm', numbers: { ...common, lower }, reason };
    }
    const upper = upperOf(samples, alpha);
    const numbers = { ...common, upper };
    const sound = isBelow(samples, safe, { alpha, leaveOneOut });
    const missing = missingOf(step, terms.coverage, fleet.length);
    if (!sound.isCertain) {
      const without = unlessAlone(worse) + unlessAlone(sound);
      missing.push(
        `where it serves it may give as many as ${per100(upper)} more wrong answers per 100 windows, and less than ${per100(safe)} lets the step pass${without}`,
      );
    }
    if (missing.length > 0) return { verdict: 'not-yet', numbers, reason: missing.join('; ') };
    const reason = `where it serves it gives less than ${per100(safe)} more wrong answers per 100 windows`;
    return { verdict: 'safe', numbers, reason };
  },
};

/** What is not enough of the devices of the step. */
function missingOf({ served, rounds }: StepLook, coverage: number, fleet: number): string[] {
  const missing: string[] = [];
  if (rounds.counted < 2) missing.push(`${rounds.counted} of at least 2 rounds of the step`);
  const left = new Set(rounds.left.map(({ id }) => id));
  const isIn = ({ id, failed, silent }: (typeof served)[number]['device']): boolean =>
    !left.has(id) && failed !== true && silent !== true;
  const inside = served.filter(({ device }) => isIn(device));
  const wanted = quorum(served.length, coverage);
  if (inside.length < wanted) {
    missing.push(
      `${inside.length} of ${served.length} served devices take part, and ${wanted} must`,
    );
  }
  const named = served.filter((member) => member.named !== undefined).length;
  const sound = inside.filter((member) => member.named === undefined).length;
  if (fleet >= 3 && sound < 3)
    missing.push(`only ${countOf(sound, 'served device')} of 3 at least can be judged`);
  if (2 * (served.length - named) < served.length) {
    missing.push(`${named} of ${served.length} served devices are worse and stay on the champion`);
  }
  return missing;
}
