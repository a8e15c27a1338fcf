import { concentrationFor, logEValueAbove } from '../../../protocol/statistics/beta-binomial.js';
import type { LateMinutes } from '../evidence.js';
import type { Guardrail } from '../guardrail.js';

const shareOfAlpha = 1 / 32;

/** The challenger may have late minutes one and a half times as often: it is the newer one, and caches are cold. */
const toleratedRatio = 1.5;

/**
 * Minutes with a late answer of one of the two, where both ran; a minute in which both were late says nothing.
 * Each device has evidence of its own, and the mean of e-values is one; from three devices on without the greatest.
 */
export const lateAnswers: Guardrail = {
  name: 'late-answers',
  shareOfAlpha,
  judge({ terms, fleet }) {
    if (fleet.every(({ device }) => device.late === undefined)) return undefined;
    // Who has said nothing has no evidence, and counts in the mean all the same.
    const minutes = fleet.map(
      ({ device }) => device.late ?? { onlyChampion: 0, onlyChallenger: 0 },
    );
    const limit = Math.log(1 / (terms.alpha * shareOfAlpha));
    const wealth = meanWealth(minutes.map(wealthOf), fleet.length >= 3);
    const sum = (part: keyof LateMinutes): number =>
      minutes.reduce((total, each) => total + each[part], 0);
    const [challenger, champion] = [sum('onlyChallenger'), sum('onlyChampion')];
    const numbers = { challenger, champion, wealth, limit };
    const reason = `it alone was late in ${challenger} minutes, and the champion alone in ${champion}`;
    return { verdict: wealth >= limit ? 'harm' : 'safe', numbers, reason };
  },
};

/** The log e-value of one device against "no more than so many times as often". */
function wealthOf({ onlyChampion, onlyChallenger }: LateMinutes): number {
  const counts = { successes: onlyChallenger, n: onlyChallenger + onlyChampion };
  const p0 = toleratedRatio / (1 + toleratedRatio);
  return logEValueAbove(counts, p0, concentrationFor(20, 0.05));
}

/**
 * The logarithm of the mean of e-values that are given as logarithms, without the greatest where one must not
 * decide; no evidence, 0, where none is left.
 */
function meanWealth(wealths: readonly number[], leaveOneOut: boolean): number {
  const descending = [...wealths].sort((a, b) => b - a).slice(leaveOneOut ? 1 : 0);
  const [most] = descending;
  if (most === undefined) return 0;
  const sum = descending.reduce((total, wealth) => total + Math.exp(wealth - most), 0);
  return most + Math.log(sum / descending.length);
}
