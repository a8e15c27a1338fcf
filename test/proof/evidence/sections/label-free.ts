import { runCell, tableOf, type Section } from '../section.js';
import { compareInShadow, makeFleet } from '../simulated-rollout.js';

const fleets = [1, 3, 10, 48, 100] as const;

/** What can be said without any label. */
export const labelFreeSection: Section = {
  name: 'label-free',
  title: 'Without labels',
  run(context) {
    const rows = [0.002, 0.005, 0.01, 0.03].map((disagreement) => [
      `disagree on ${100 * disagreement} %: safe`,
      ...fleets.map((devices) => {
        const name = `label-free, ${disagreement}, ${devices} devices`;
        const odds = { onlyChampionRight: 0, onlyChallengerRight: 0, unlabelled: disagreement };
        const tally = runCell(context, name, context.runs(devices), (prng) => {
          const fleet = makeFleet(devices, () => ({ shadow: odds }), prng);
          const outcome = compareInShadow(fleet, { terms: { evidence: 'health' } });
          return { end: outcome.verdict, windows: outcome.windows, guardrail: null };
        });
        return tally.cell('safe');
      }),
    ]);
    const lines = [
      'Where both give the same answer neither is worse. Above 2 % of disagreement nothing follows: the answer is "cannot tell".',
      '',
      ...tableOf(
        ['', ...fleets.map((devices) => `${devices} device${devices === 1 ? '' : 's'}`)],
        rows,
      ),
    ];
    return { lines, bad: [] };
  },
};
