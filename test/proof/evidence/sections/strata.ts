import { oddsOf } from '../paired-answers.js';
import { runCell, tableOf, type Section, type SectionContext } from '../section.js';
import { compareInShadow, makeFleet } from '../simulated-rollout.js';
import { keepsPromise, type Tally } from '../tally.js';

const fleets = [12, 48, 100, 1000] as const;
const names = ['north', 'east', 'south', 'west'] as const;

interface Case {
  readonly name: string;
  /** Loss of one of four strata, and of the others. */
  readonly one: number;
  readonly others: number;
  readonly shown: 'safe' | 'harm';
  readonly guardrail?: string;
  readonly atMost?: number;
}

const cases: readonly Case[] = [
  {
    name: 'wrong safe: one stratum at exactly +4, the others at -1',
    one: 0.04,
    others: -0.01,
    shown: 'safe',
    atMost: 0.05,
  },
  {
    name: 'wrong harm by a stratum: all at exactly +1',
    one: 0.01,
    others: 0.01,
    shown: 'harm',
    guardrail: 'strata',
    atMost: 0.05 / 16,
  },
  { name: 'equal models: safe', one: 0, others: 0, shown: 'safe' },
  {
    name: 'one stratum loses 10 points, the others win 3: harm',
    one: 0.1,
    others: -0.03,
    shown: 'harm',
  },
  {
    name: 'one stratum loses 20 points, the others none: harm',
    one: 0.2,
    others: 0,
    shown: 'harm',
  },
];

/** A stratum that is worse off is not hidden by the mean of the fleet. */
export const strataSection: Section = {
  name: 'strata',
  title: 'Strata',
  run(context) {
    const bad: string[] = [];
    const rows = cases.map((each) => [
      each.name,
      ...fleets.map((devices) => {
        const tally = tallyOf(context, each, devices);
        const { shown, guardrail, atMost } = each;
        if (
          atMost !== undefined &&
          !keepsPromise(tally.count(shown, guardrail), tally.runs.length, atMost)
        ) {
          bad.push(
            `${each.name}, ${devices} devices: ${tally.count(shown, guardrail)} of ${tally.runs.length}`,
          );
        }
        return guardrail === undefined ? tally.cell(shown) : `${tally.percent(shown, guardrail)} %`;
      }),
    ]);
    const lines = [
      'Four strata of the same size. Each must be certain to lose less than 4 points before anything is safe, with any one device',
      'left out.',
      '',
      ...tableOf(['', ...fleets.map((devices) => `${devices} devices`)], rows),
    ];
    return { lines, bad };
  },
};

function tallyOf(context: SectionContext, { name, one, others }: Case, devices: number): Tally {
  const natures = names.map((stratum, i) => ({ stratum, shadow: oddsOf(i === 0 ? one : others) }));
  return runCell(context, `${name}, ${devices} devices`, context.runs(devices), (prng) => {
    const fleet = makeFleet(
      devices,
      (i) => natures[i % names.length] ?? { shadow: oddsOf(0) },
      prng,
    );
    const { verdict, windows, judgement } = compareInShadow(fleet, {});
    return { end: verdict, windows, guardrail: judgement.guardrail };
  });
}
