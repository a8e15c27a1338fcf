import { everyone } from '../../protocol/documents/policy.js';
import type { CourseTerms } from './course.js';
import type { PlanTerms } from './plan-terms.js';

/** Fewer are not served by a step, where there are as many. */
const leastServed = 3;

/** A step with fewer devices is judged by a wider margin, unless it is the last. */
const smallStep = { devices: 12, margin: 0.1 } as const;

/** The harm of all steps together has an eighth of alpha. */
const shareOfHarm = 1 / 8;

/** How each step of the ramp is judged: the served devices' own blocks. Steps that serve nobody more are one. */
export function rampSteps({
  devices,
  exposures,
  safe,
  harm,
  alpha,
  blockWindows,
}: PlanTerms): readonly CourseTerms[] {
  const served = exposures.map((exposure) =>
    Math.min(devices, Math.max(leastServed, Math.round((devices * exposure) / everyone))),
  );
  const distinct = [...new Set(served)];
  return distinct.map((count, i) => {
    const isSmall = count < smallStep.devices && i < distinct.length - 1;
    return {
      devices: count,
      blockWindows,
      safe: { margin: isSmall ? smallStep.margin : 2 * safe, alpha },
      harm: { margin: harm, alpha: (alpha * shareOfHarm) / distinct.length },
      leastRounds: 2,
    };
  });
}
