import { fewestBlocksToName } from '../../protocol/statistics/harmed-device.js';
import type { ForecastRow } from './forecast.js';
import { devicesOfPopulation } from './reach.js';
import type { PlanTerms } from './plan-terms.js';

/** What a rollout with these terms cannot show, or what it rests on, in sentences for people. */
export function caveatsOf(terms: PlanTerms, shadow: readonly ForecastRow[]): readonly string[] {
  const { devices, error, disagreement, labelled, safe, harm, deviceMargin, scope } = terms;
  const sentences: string[] = [];
  const equal = shadow.find(({ effect }) => effect === 0);
  if (equal !== undefined && equal.safe.share < 0.9) {
    sentences.push(
      `a challenger that is as good is called safe in ${percent(equal.safe.share)} of such rollouts only: a wider margin, or fewer windows on which the two differ, would help`,
    );
  }
  if (disagreement > 2 * error) {
    sentences.push(
      `two models that are wrong on ${percent(error)} of the windows differ on ${percent(Math.min(1, 2 * error))} at most, and not on ${percent(disagreement)}: the forecast takes the smaller one`,
    );
  }
  if (labelled < 1) {
    sentences.push(
      labelled === 0
        ? 'without true labels nothing can be called harm by its answers, and safe only where the two hardly differ'
        : `windows on which the two differ and that have no label count against every verdict: ${percent(1 - labelled)} of them`,
    );
  }
  if (harm < safe) {
    sentences.push(
      `a challenger that loses between ${percent(harm)} and ${percent(safe)} of the windows may rightly be called either`,
    );
  }
  sentences.push(smallFleet(devices));
  const blocks = fewestBlocksToName(terms);
  sentences.push(
    `a single device that is worse is known to be after ${blocks * terms.blockWindows} windows at the soonest, and never where it loses less than ${percent(deviceMargin)}`,
  );
  if (devices >= 5 && devices <= 24) {
    sentences.push(
      'a loss of 5 % that begins only where the challenger serves is found when all devices are served, not before',
    );
  }
  if (scope === 'these-devices') {
    const needed = devicesOfPopulation(terms);
    sentences.push(
      `a verdict speaks of ${devices === 1 ? 'this device' : `these ${devices} devices`}: about others like them it would take ${needed} devices that lose nothing`,
    );
  } else {
    sentences.push(
      'how long it takes depends on how much devices differ from each other, which nobody knows before; devices that lose nothing suffice after 40 windows each',
    );
  }
  return sentences.filter((sentence) => sentence !== '');
}

function smallFleet(devices: number): string {
  if (devices <= 2) return 'the verdict rests on a single device, and on whoever writes its labels';
  return devices <= 9
    ? 'a single device that stops comparing holds the verdict: nine tenths of so few are all of them'
    : '';
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}
