import {
  concentrationFor,
  lowerBound,
  upperBound,
} from '../../../protocol/statistics/beta-binomial.js';
import { armsOf, outcomeOf, type ArmOutcome } from '../arms.js';
import type { Guardrail } from '../guardrail.js';
import type { Look } from '../look.js';
import { countOf } from '../words.js';

const shareOfAlpha = 1 / 32;

/** So many may be lost whatever the challenger is. */
const toleratedShare = 0.05;

/** A step goes on while at most so many of its devices are lost, rounded down: below ten, none. */
const mostToGoOn = 0.1;

/** Devices that gave the challenger up, or fell silent, of those that were asked. */
export const lostDevices: Guardrail = {
  name: 'lost-devices',
  shareOfAlpha,
  judge(look) {
    const arms = armsOf(look);
    return arms === undefined ? judgeShadow(look) : judgeStep(look, arms.exposed, arms.control);
  },
};

/**
 * In the shadow nobody is without it: only what speaks of the model counts for harm, with the part of the level
 * that the last step, which has no control either, does not use. That enough take part, coverage sees to.
 */
function judgeShadow({ fleet, terms }: Look): ReturnType<Guardrail['judge']> {
  const { devices, failed } = outcomeOf(fleet);
  const level = (terms.alpha * shareOfAlpha) / terms.steps;
  const lower = lowerBound({ successes: failed, n: devices }, level, concentrationFor(20, 0.05));
  const numbers = { asked: devices, failed, lower, harm: toleratedShare };
  const reason = `${failed} of ${countOf(devices, 'device')} gave it up`;
  return { verdict: lower > toleratedShare ? 'harm' : 'safe', numbers, reason };
}

function judgeStep(
  { terms }: Look,
  exposed: ArmOutcome,
  control: ArmOutcome,
): ReturnType<Guardrail['judge']> {
  // Half of the level for each of the two bounds.
  const level = (terms.alpha * shareOfAlpha) / (2 * terms.steps);
  const concentration = concentrationFor(20, 0.05);
  const counts = ({ devices, failed, silent }: ArmOutcome) => ({
    successes: failed + silent,
    n: devices,
  });
  const lost = exposed.failed + exposed.silent;
  const lower = lowerBound(counts(exposed), level, concentration);
  const harm =
    control.devices === 0
      ? 1
      : toleratedShare + 2 * upperBound(counts(control), level, concentration);
  const most = Math.floor(mostToGoOn * exposed.devices);
  const numbers = { exposed: exposed.devices, lost, lower, harm, most };
  const reason = `${exposed.failed} of ${countOf(exposed.devices, 'served device')} gave it up and ${exposed.silent} fell silent, and more than ${most} are too many`;
  if (lower > harm) return { verdict: 'harm', numbers, reason };
  return { verdict: lost > most ? 'not-yet' : 'safe', numbers, reason };
}
