import type { Guardrail } from '../guardrail.js';
import type { Member } from '../look.js';
import { isAbove, isBelow } from '../mean-claim.js';
import { within, type Sample } from '../sample.js';
import { per100 } from '../words.js';

const shareOfAlpha = 1 / 16;

/** A stratum counts from such a share of the fleet and so many devices on. */
const leastShare = 0.1;
const leastDevices = 3;

/** The mean loss of each stratum, such as a site or a kind of machine: the fleet's mean must not hide one. */
export const strata: Guardrail = {
  name: 'strata',
  shareOfAlpha,
  judge({ terms, fleet, samples }) {
    const groups = strataOf(fleet, samples);
    if (groups.length === 0) return undefined;
    const { harm, alpha } = terms;
    const safe = 2 * terms.safe;
    const numbers = { strata: groups.length, harm, safe };
    const isWorse = (group: Stratum): boolean => {
      const level = { alpha: (alpha * shareOfAlpha) / groups.length, leaveOneOut: true };
      return isAbove(group.samples, harm, level).isCertain;
    };
    const worse = terms.evidence === 'labels' ? groups.filter(isWorse) : [];
    if (worse.length > 0) {
      const reason = `in ${namesOf(worse)} it gives more than ${per100(harm)} more wrong answers per 100 windows`;
      return { verdict: 'harm', numbers, reason };
    }
    const open = groups.filter(
      (group) => !isBelow(group.samples, safe, { alpha, leaveOneOut: true }).isCertain,
    );
    const reason =
      open.length === 0
        ? `in each stratum it gives less than ${per100(safe)} more wrong answers per 100 windows`
        : `in ${namesOf(open)} it is not certain yet that it gives less than ${per100(safe)} more wrong answers per 100 windows`;
    return { verdict: open.length === 0 ? 'safe' : 'not-yet', numbers, reason };
  },
};

interface Stratum {
  readonly name: string;
  readonly samples: readonly Sample[];
}

function strataOf(fleet: readonly Member[], samples: readonly Sample[]): readonly Stratum[] {
  const byName = new Map<string, Set<string>>();
  for (const { device } of fleet) {
    if (device.stratum === undefined) continue;
    const ids = byName.get(device.stratum) ?? new Set();
    byName.set(device.stratum, ids.add(device.id));
  }
  return [...byName]
    .filter(([, { size }]) => size >= leastDevices && size >= leastShare * fleet.length)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, ids]) => ({ name, samples: samples.map((sample) => within(sample, ids)) }));
}

function namesOf(groups: readonly Stratum[]): string {
  return groups.map(({ name }) => `stratum ${name}`).join(', ');
}
