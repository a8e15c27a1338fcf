import type { Look, Member } from './look.js';
import { quorum } from './rounds.js';
import { countOf } from './words.js';

/** Fewer counted rounds of blocks than this show nothing yet, however many devices there are. */
const leastRounds = 3;

/** Devices that take part: in the rounds, and neither lost nor certainly worse. */
export function participants({ fleet, rounds }: Look): readonly Member[] {
  const left = new Set(rounds.left.map(({ id }) => id));
  // In a fleet of one, the one device is spoken of even where it is named.
  const isAlone = fleet.length === 1;
  return fleet.filter(
    ({ device, named }) =>
      !left.has(device.id) &&
      device.failed !== true &&
      device.silent !== true &&
      (named === undefined || isAlone),
  );
}

/** What is still missing before the evidence speaks of the fleet, in sentences. */
export function missingCoverage(look: Look): readonly string[] {
  const { fleet, rounds, terms } = look;
  const missing: string[] = [];
  if (fleet.length === 0) missing.push('no device that was there at the start was asked');
  if (terms.scope === 'population') {
    if (rounds.counted === 0) missing.push('not every device has compared 40 windows');
  } else if (rounds.counted < leastRounds) {
    missing.push(`${rounds.counted} of at least ${leastRounds} rounds`);
  }
  const inside = participants(look).length;
  const wanted = quorum(fleet.length, terms.coverage);
  if (inside < wanted) {
    missing.push(
      `${inside} of ${countOf(fleet.length, 'present device')} take part, and ${wanted} must`,
    );
  }
  return missing;
}
