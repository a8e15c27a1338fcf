import { oddsOf, type Odds } from '../paired-answers.js';
import { runCell, tableOf, type Section, type SectionContext } from '../section.js';
import { runRamp } from '../simulated-ramp.js';
import { compareInShadow, makeFleet } from '../simulated-rollout.js';
import type { Tally } from '../tally.js';

const fleets = [3, 10, 48, 100] as const;
const allLost: Odds = { onlyChampionRight: 1, onlyChallengerRight: 0 };
const allWon: Odds = { onlyChampionRight: 0, onlyChallengerRight: 1 };

interface Case {
  readonly name: string;
  readonly liars: number;
  readonly lie: { readonly shadow: Odds; readonly served?: Odds };
  readonly others: { readonly shadow: Odds; readonly served?: Odds };
  readonly isRamp: boolean;
  /** The end that liars want. */
  readonly wanted: 'harm' | 'safe' | 'aborted' | 'promoted';
}

const equal = { shadow: oddsOf(0) };
const worse = { shadow: oddsOf(0.03) };
const worseServed = { shadow: oddsOf(0), served: oddsOf(0.2) };
const cases: readonly Case[] = [
  {
    name: 'says that all is lost, equal models',
    liars: 1,
    lie: { shadow: allLost },
    others: equal,
    isRamp: false,
    wanted: 'harm',
  },
  {
    name: 'says that all is won, +3 points elsewhere',
    liars: 1,
    lie: { shadow: allWon },
    others: worse,
    isRamp: false,
    wanted: 'safe',
  },
  {
    name: 'says that all is lost once it serves, equal models',
    liars: 1,
    lie: { shadow: oddsOf(0), served: allLost },
    others: equal,
    isRamp: true,
    wanted: 'aborted',
  },
  {
    name: 'says that all is won, then that all is lost, equal models',
    liars: 1,
    lie: { shadow: allWon, served: allLost },
    others: equal,
    isRamp: true,
    wanted: 'aborted',
  },
  {
    name: 'says that all is won, 20 points lost elsewhere once it serves',
    liars: 1,
    lie: { shadow: allWon },
    others: worseServed,
    isRamp: true,
    wanted: 'promoted',
  },
  {
    name: 'say that all is lost, equal models',
    liars: 2,
    lie: { shadow: allLost },
    others: equal,
    isRamp: false,
    wanted: 'harm',
  },
  {
    name: 'say that all is won, +3 points elsewhere',
    liars: 2,
    lie: { shadow: allWon },
    others: worse,
    isRamp: false,
    wanted: 'safe',
  },
];

/** One device of three or more decides nothing; two can. */
export const liarsSection: Section = {
  name: 'liars',
  title: 'Devices that lie',
  run(context) {
    const bad: string[] = [];
    const rows = cases.map((each) => [
      `${each.liars === 1 ? 'one' : 'two'} ${each.name}: ${each.wanted}`,
      ...fleets.map((devices) => {
        const tally = tallyOf(context, each, devices);
        // One liar gets no more than chance gives anyway.
        if (each.liars === 1 && tally.share(each.wanted) > 0.05) {
          bad.push(`${each.name}, ${devices} devices: ${tally.cell(each.wanted)} ${each.wanted}`);
        }
        return tally.cell(each.wanted);
      }),
    ]);
    const lines = [
      'How often liars have the verdict that they want, against what is true of the others. Two of them still can in small fleets:',
      'whoever writes labels or samples decides.',
      '',
      ...tableOf(['', ...fleets.map((devices) => `${devices} devices`)], rows),
    ];
    return { lines, bad };
  },
};

function tallyOf(context: SectionContext, each: Case, devices: number): Tally {
  const name = `${each.liars} ${each.name}, ${devices} devices`;
  return runCell(context, name, context.runs(devices), (prng) => {
    const fleet = makeFleet(devices, (i) => (i < each.liars ? each.lie : each.others), prng);
    if (each.isRamp) return runRamp(fleet, { mostStepTicks: 60 }, prng.fork(devices));
    const { verdict, windows, judgement } = compareInShadow(fleet, { mostTicks: 200 });
    return { end: verdict, windows, guardrail: judgement.guardrail };
  });
}
