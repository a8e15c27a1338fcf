import { lateMargin } from '../../protocol/statistics/late-margin.js';
import { logBetaBelow } from '../../protocol/statistics/incomplete-beta.js';

/** How often a release was asked on one device, and how often it answered too late. */
export interface Punctuality {
  readonly windows: number;
  readonly late: number;
}

/** Both releases of a comparison, over the same time on the same device. */
export interface ComparedPunctuality {
  readonly champion: Punctuality;
  readonly challenger: Punctuality;
}

/**
 * A device whose releases are late equally often is taken for one where the challenger is later with at most
 * this chance. It must be less than the share of such devices that is harm.
 */
const deviceAlpha = 0.05;

export const never: Punctuality = { windows: 0, late: 0 };

export function addPunctuality(a: Punctuality, b: Punctuality): Punctuality {
  return { windows: a.windows + b.windows, late: a.late + b.late };
}

/**
 * Whether a challenger is late more often than the champion on a device: by more than the margin of the device, and by more
 * than chance. A busy gateway makes both late, so that some difference is found wherever there are late
 * answers at all. Of all late answers each is the challenger's with the chance of its share of the windows,
 * if both are late equally often; exact where they are rare, and cautious where they are not.
 */
export function isLater({ champion, challenger }: ComparedPunctuality): boolean {
  if (champion.windows === 0 || challenger.windows === 0 || challenger.late === 0) return false;
  const excess = challenger.late / challenger.windows - champion.late / champion.windows;
  if (excess <= lateMargin) return false;
  // The tail of a binomial distribution is one of a beta distribution.
  const share = challenger.windows / (challenger.windows + champion.windows);
  return logBetaBelow(share, challenger.late, champion.late + 1) < Math.log(deviceAlpha);
}
