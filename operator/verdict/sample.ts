import type { LossCount } from '../../protocol/statistics/mean-bets.js';
import { lossCounts, sumOfLosses, type Losses } from './losses.js';

/** The units that one claim about a mean rests on. */
export interface Sample {
  /** Of the level of the claim: samples that are tried beside each other share it. */
  readonly shareOfAlpha: number;
  /** As they count for safety. */
  readonly worst: Units;
  /** As they count for harm. */
  readonly best: Units;
}

/** Units by device; a device without any is nobody who could be left out. */
export interface Units {
  readonly devices: ReadonlyMap<string, Losses>;
  /** Those of all devices. */
  readonly total: readonly LossCount[];
}

type ByDevice = ReadonlyMap<string, Losses>;

/** Sums up what each device has. */
export function sampleOf(shareOfAlpha: number, worst: ByDevice, best: ByDevice): Sample {
  return { shareOfAlpha, worst: unitsOf(worst), best: unitsOf(best) };
}

/** The same of some of the devices. */
export function within({ shareOfAlpha, worst, best }: Sample, ids: ReadonlySet<string>): Sample {
  const some = ({ devices }: Units): ByDevice =>
    new Map([...devices].filter(([id]) => ids.has(id)));
  return sampleOf(shareOfAlpha, some(worst), some(best));
}

function unitsOf(all: ByDevice): Units {
  const devices = new Map([...all].filter(([, losses]) => losses.size > 0));
  return { devices, total: lossCounts(sumOfLosses(devices.values())) };
}
