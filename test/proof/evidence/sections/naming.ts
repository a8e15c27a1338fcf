import { oddsOf, type Odds } from '../paired-answers.js';
import { runCell, tableOf, type Section } from '../section.js';
import { compareInShadow, lookOnce, makeFleet } from '../simulated-rollout.js';
import { keepsPromise } from '../tally.js';

const fleets = [10, 48, 100] as const;
const losesAll: Odds = { onlyChampionRight: 1, onlyChallengerRight: 0 };

/** Single devices that are worse: who is named, and who is named wrongly. */
export const namingSection: Section = {
  name: 'naming',
  title: 'Devices that are worse',
  run(context) {
    const bad: string[] = [];
    const bursts = [0, 0.5, 0.8];
    const sound = bursts.map((correlation) => [
      `sound fleets that name somebody in 100 blocks, bursts ${correlation}`,
      ...fleets.map((devices) => {
        const name = `naming, bursts ${correlation}, ${devices} devices`;
        const runs = context.runs(devices);
        const tally = runCell(context, name, runs, (prng) => {
          // A device that loses less than the margin is sound: its blocks may still come in bursts.
          const fleet = makeFleet(devices, () => ({ shadow: oddsOf(0) }), prng, correlation);
          for (const device of fleet) device.advance(100, 10, 1, false);
          const { named } = lookOnce(fleet, {}, 100, undefined);
          return { end: named.length > 0 ? 'named' : 'none', windows: 0, guardrail: null };
        });
        if (correlation <= 0.5 && !keepsPromise(tally.count('named'), runs, 0.05 / 8)) {
          bad.push(`${name}: ${tally.count('named')} of ${runs}`);
        }
        return `${tally.percent('named')} %`;
      }),
    ]);
    const broken: readonly (readonly [count: number, devices: number, expected?: string])[] = [
      [1, 10, 'safe'],
      [2, 48],
      [1, 100, 'safe'],
      [10, 100, 'harm'],
      [23, 5000, 'safe'],
    ];
    const few = broken.map(([count, devices, expected]) => {
      const name = `${count} of ${devices.toLocaleString('en')} lose everything, the others nothing`;
      const tally = runCell(context, name, Math.min(100, context.runs(devices)), (prng) => {
        const fleet = makeFleet(
          devices,
          (i) => ({ shadow: i < count ? losesAll : oddsOf(0) }),
          prng,
        );
        const { verdict, windows, judgement } = compareInShadow(fleet, {});
        return { end: verdict, windows, guardrail: judgement.guardrail };
      });
      if (expected !== undefined && tally.share(expected) < 0.9)
        bad.push(`${name}: ${tally.cell(expected)} ${expected}`);
      return [name, `safe ${tally.cell('safe')}, harm ${tally.cell('harm')}`];
    });
    const lines = [
      'Naming is promised to be wrong in less than an eighth of alpha, 0.6 % of fleets.',
      '',
      ...tableOf(['', ...fleets.map((devices) => `${devices} devices`)], sound),
      '',
      ...tableOf(['', 'verdict'], few),
    ];
    return { lines, bad };
  },
};
