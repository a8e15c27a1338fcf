import type { Scope } from '../../../../operator/verdict/evidence.js';
import { oddsOf } from '../paired-answers.js';
import { runCell, tableOf, type Section, type SectionContext } from '../section.js';
import type { DeviceNature } from '../simulated-device.js';
import { compareInShadow, makeFleet } from '../simulated-rollout.js';
import { keepsPromise, type Tally } from '../tally.js';
import type { Prng } from '../../../../simulator/prng.js';

const fleets = [48, 100, 300, 1000] as const;
const losesAll = { onlyChampionRight: 1, onlyChallengerRight: 0 };

/** Losses of single devices are spread like this about the mean of all. */
const deviation = 0.05;

interface Case {
  readonly name: string;
  readonly mean: number;
  readonly scope: Scope;
  readonly spread: number;
  /** The slowest tenth loses everything, beside the mean of the others. */
  readonly slowTenth?: boolean;
  readonly shown: 'safe' | 'harm';
  /** Of the mean alone: nobody is named. */
  readonly ofMean?: boolean;
  readonly atMost?: number;
}

const cases: readonly Case[] = [
  {
    name: 'wrong safe: mean of the population exactly +2',
    mean: 0.02,
    scope: 'population',
    spread: deviation,
    ofMean: true,
    shown: 'safe',
    atMost: 0.05,
  },
  {
    name: 'the same, judged as "these devices"',
    mean: 0.02,
    scope: 'these-devices',
    spread: deviation,
    ofMean: true,
    shown: 'safe',
  },
  {
    name: 'wrong harm: exactly +1',
    mean: 0.01,
    scope: 'population',
    spread: deviation,
    ofMean: true,
    shown: 'harm',
    atMost: 0.025,
  },
  {
    name: 'the slowest tenth loses everything, six times slower',
    mean: 0,
    scope: 'population',
    spread: 0,
    slowTenth: true,
    shown: 'safe',
    atMost: 0.05,
  },
  { name: 'equal, no spread: safe', mean: 0, scope: 'population', spread: 0, shown: 'safe' },
  {
    name: 'equal, spread .05: safe',
    mean: 0,
    scope: 'population',
    spread: deviation,
    shown: 'safe',
  },
  {
    name: '+5 points, spread .05: harm',
    mean: 0.05,
    scope: 'population',
    spread: deviation,
    shown: 'harm',
  },
];

/** Scope "devices like these": claims about devices that have not compared. */
export const populationSection: Section = {
  name: 'population',
  title: 'Scope "devices like these"',
  run(context) {
    const bad: string[] = [];
    const rows = cases.map((each) => [
      each.name,
      ...fleets.map((devices) => {
        const tally = tallyOf(context, each, devices);
        const { shown, atMost } = each;
        if (atMost !== undefined && !keepsPromise(tally.count(shown), tally.runs.length, atMost)) {
          bad.push(
            `${each.name}, ${devices} devices: ${tally.count(shown)} of ${tally.runs.length}`,
          );
        }
        return tally.cell(shown);
      }),
    ]);
    const lines = [
      `Devices are drawn from a population: each has a mean loss of its own, with standard deviation ${deviation} where it says spread. The`,
      'promise is about the mean of the population, not of the fleet that was drawn. Looks at 40, 160 and 640 windows, then over.',
      'In the first three rows nobody is named, so that they speak of the mean alone; with names, every fifth device of such a',
      'population loses more than 5 points, and that is harm. The second row shows why blocks of windows are never units of such a claim.',
      '',
      ...tableOf(['', ...fleets.map((devices) => `${devices} devices`)], rows),
    ];
    return { lines, bad };
  },
};

function tallyOf(context: SectionContext, each: Case, devices: number): Tally {
  const { name, mean, scope, spread, slowTenth = false, ofMean = false } = each;
  const terms = { scope, ...(ofMean && { deviceMargin: 0.99 }) };
  const runs = devices === 300 ? 100 : context.runs(devices);
  return runCell(context, `${name}, ${devices} devices`, runs, (prng) => {
    const lots = prng.fork(devices);
    const natureOf = (i: number): DeviceNature =>
      slowTenth && i % 10 === 9
        ? { shadow: losesAll, speed: 1 / 6 }
        : { shadow: oddsOf(mean + spread * normal(lots)) };
    const fleet = makeFleet(devices, natureOf, prng);
    // Whoever is slow has come to an age, or has left, at some tick between.
    const looksAt = (tick: number): boolean => [4, 8, 16, 32, 64, 96, 128].includes(tick);
    const { verdict, windows, judgement } = compareInShadow(fleet, {
      terms,
      mostTicks: 128,
      looksAt,
    });
    return { end: verdict, windows, guardrail: judgement.guardrail };
  });
}

/** Nearly normal, cut off where a loss could not be: twelve uniform numbers. */
function normal(prng: Prng): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += prng.uniform(0, 1);
  return sum;
}
