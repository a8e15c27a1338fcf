import type { Rejection } from '../../protocol/result.js';
import { devicesOfPopulation, soonestSafeWindows } from './reach.js';
import { mostBlocks, timeOfWindows, type PlanTerms } from './plan-terms.js';

/**
 * Why nobody should start with these terms: `plan-contradictory` where they cannot be meant, `plan-unreachable` where
 * not even a challenger that loses nothing could ever be safe. Empty where there is nothing against them.
 */
export function refusalsOf(terms: PlanTerms): readonly Rejection[] {
  const contradictions = contradictionsOf(terms);
  if (contradictions.length > 0) {
    return contradictions.map((detail) => ({ code: 'plan-contradictory', detail }));
  }
  return unreachable(terms).map((detail) => ({ code: 'plan-unreachable', detail }));
}

function contradictionsOf(terms: PlanTerms): readonly string[] {
  const found: string[] = [];
  const within = (name: string, value: number, least: number, most: number): void => {
    if (!(value >= least && value <= most)) {
      found.push(`${name} is ${value}, and must be from ${least} to ${most}`);
    }
  };
  within('devices', terms.devices, 1, 1_000_000);
  within('error', terms.error, 0, 1);
  within('disagreement', terms.disagreement, 0, 1);
  within('labelled', terms.labelled, 0, 1);
  within('safe', terms.safe, 0.0001, 0.5);
  within('harm', terms.harm, 0.0001, 0.5);
  within('alpha', terms.alpha, 0.0001, 0.5);
  within('device margin', terms.deviceMargin, 0.0001, 1);
  within('windows of a block', terms.blockWindows, 5, 50);
  within('period', terms.periodMs, 1, 86_400_000);
  for (const [name, value] of [
    ['devices', terms.devices],
    ['windows of a block', terms.blockWindows],
  ] as const) {
    if (!Number.isInteger(value)) found.push(`${name} is ${value}, and must be a whole number`);
  }
  if (terms.harm > terms.safe) {
    found.push(
      `what is harm (${terms.harm}) is more than what is safe (${terms.safe}): a loss between the two would be neither`,
    );
  }
  if (terms.exposures.length === 0) found.push('no step serves anybody');
  if (terms.exposures.some((share, i) => !(share > (terms.exposures[i - 1] ?? 0)))) {
    found.push('a step serves nobody more than the one before');
  }
  const { sampled, horizonMs } = terms;
  if (sampled !== undefined && !(sampled.windows >= 1 && sampled.overMs >= 1)) {
    found.push('windows are to be drawn, but none of any time');
  }
  if (horizonMs !== undefined && !(horizonMs > 0)) found.push('a step has no time');
  return found;
}

function unreachable(terms: PlanTerms): readonly string[] {
  const { devices, scope, safe, horizonMs } = terms;
  const soonest = soonestSafeWindows(terms);
  const margin = `less than ${Number((100 * safe).toPrecision(3))} of 100 windows`;
  if (soonest === undefined) {
    return scope === 'population'
      ? [
          `to speak of other devices too, ${margin} needs ${devicesOfPopulation(terms)} devices that lose nothing, and there are ${devices}`,
        ]
      : [
          `${margin} cannot be shown by ${devices === 1 ? '1 device' : `${devices} devices`} within the ${mostBlocks} blocks that a device keeps, even where the challenger loses nothing`,
        ];
  }
  // An undecided step is held at the horizon, and given up after twice as long.
  if (horizonMs !== undefined && timeOfWindows(terms, soonest) > 2 * horizonMs) {
    return [
      `even a challenger that loses nothing needs ${soonest} windows of each device, which take ${Math.ceil(timeOfWindows(terms, soonest) / 1000)} s; a step is given up after twice the horizon, ${(2 * horizonMs) / 1000} s`,
    ];
  }
  return [];
}
