import type { Guardrail } from '../guardrail.js';
import type { Member } from '../look.js';
import { isAbove, isBelow, type Sample } from '../mean-claim.js';
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
    const groups = strataOf(fleet);
    if (groups.length === 0) return undefined;
    const { harm, alpha } = terms;
    const safe = 2 * terms.safe;
    const numbers = { strata: groups.length, harm, safe };
    const isWorse = ({ ids }: Stratum): boolean => {
      const level = { alpha: (alpha * shareOfAlpha) / groups.length, leaveOneOut: true };
      return isAbove(within(samples, ids), harm, level).isCertain;
    };
    const worse = terms.evidence === 'labels' ? groups.filter(isWorse) : [];
    if (worse.length > 0) {
      const reason = `in ${namesOf(worse)} it gives more than ${per100(harm)} more wrong answers per 100 windows`;
      return { verdict: 'harm', numbers, reason };
    }
    const open = groups.filter(
      ({ ids }) => !isBelow(within(samples, ids), safe, { alpha, leaveOneOut: true }).isCertain,
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
  readonly ids: ReadonlySet<string>;
}

function strataOf(fleet: readonly Member[]): readonly Stratum[] {
  const byName = new Map<string, Set<string>>();
  for (const { device } of fleet) {
    if (device.stratum === undefined) continue;
    const ids = byName.get(device.stratum) ?? new Set();
    byName.set(device.stratum, ids.add(device.id));
  }
  return [...byName]
    .map(([name, ids]) => ({ name, ids }))
    .filter(({ ids }) => ids.size >= leastDevices && ids.size >= leastShare * fleet.length)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function within(samples: readonly Sample[], ids: ReadonlySet<string>): readonly Sample[] {
  const some = <T>(devices: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
    new Map([...devices].filter(([id]) => ids.has(id)));
  return samples.map(({ shareOfAlpha, worst, best }) => ({
    shareOfAlpha,
    worst: some(worst),
    best: some(best),
  }));
}

function namesOf(groups: readonly Stratum[]): string {
  return groups.map(({ name }) => `stratum ${name}`).join(', ');
}
