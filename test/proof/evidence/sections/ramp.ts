import { oddsOf } from '../paired-answers.js';
import { runCell, tableOf, type Section } from '../section.js';
import type { DeviceNature, SimulatedDevice } from '../simulated-device.js';
import { runRamp, stepSizes, type RampOutcome } from '../simulated-ramp.js';
import { makeFleet } from '../simulated-rollout.js';
import { keepsPromise, type Tally } from '../tally.js';

const fleets = [1, 3, 10, 48, 100, 1000] as const;
const equal = oddsOf(0);
const losesAll = { onlyChampionRight: 1, onlyChallengerRight: 0 };

interface Case {
  readonly name: string;
  readonly natureOf: (lot: number) => DeviceNature;
  /** What must not happen more often than in 5 % of runs. */
  readonly wrong: 'promoted' | 'aborted' | 'past the first step';
  /** The fewest devices in which there is such a case. */
  readonly from?: number;
  /** So many blocks in a step without a verdict are a hold. */
  readonly mostStepTicks?: number;
}

const cases: readonly Case[] = [
  { name: 'equal models', natureOf: () => ({ shadow: equal }), wrong: 'aborted' },
  {
    name: 'equal in the shadow, 20 points lost once it serves',
    natureOf: () => ({ shadow: equal, served: oddsOf(0.2) }),
    wrong: 'past the first step',
  },
  {
    name: 'equal in the shadow, 50 points lost once it serves',
    natureOf: () => ({ shadow: equal, served: oddsOf(0.5) }),
    wrong: 'past the first step',
  },
  {
    name: 'equal in the shadow, exactly 4 points lost once it serves',
    natureOf: () => ({ shadow: equal, served: oddsOf(0.04) }),
    wrong: 'promoted',
  },
  {
    name: 'kills each device that it serves',
    mostStepTicks: 30,
    natureOf: () => ({ shadow: equal, diesServing: true }),
    wrong: 'past the first step',
  },
  {
    name: 'kills 30 % of those that it serves',
    mostStepTicks: 30,
    natureOf: (lot) => ({ shadow: equal, diesServing: lot < 0.3 }),
    wrong: 'promoted',
    from: 3,
  },
  {
    name: 'equal, speeds .6 to 1, and 5 % lost for good on the way',
    natureOf: (lot) => ({
      shadow: equal,
      speed: 0.6 + 0.4 * ((lot * 37) % 1),
      ...(lot < 0.05 && { diesAt: 40 + lot * 400 }),
    }),
    wrong: 'aborted',
  },
  {
    name: 'the slowest tenth loses everything once it serves',
    natureOf: (lot) =>
      lot >= 0.9 ? { shadow: equal, served: losesAll, speed: 1 / 2 } : { shadow: equal },
    wrong: 'promoted',
    from: 10,
  },
];

/** The ramp as an experiment: what happens once the challenger serves. */
export const rampSection: Section = {
  name: 'ramp',
  title: 'The ramp',
  run(context) {
    const bad: string[] = [];
    const rows = cases.map(({ name, natureOf, wrong, from = 1, mostStepTicks = 150 }) => [
      name,
      ...fleets.map((devices) => {
        if (devices < from) return '';
        const tally = runCell(
          context,
          `${name}, ${devices} devices`,
          context.runs(devices),
          (prng) => {
            const fleet = makeFleet(devices, (i) => natureOf((i + 0.5) / devices), prng);
            const outcome = runRamp(fleet, { mostStepTicks }, prng.fork(devices));
            return { ...outcome, end: endOf(outcome, fleet) };
          },
        );
        const count = countWrong(tally, wrong);
        if (!keepsPromise(count, tally.runs.length, 0.05)) {
          bad.push(`${name}, ${devices} devices: ${count} of ${tally.runs.length} ${wrong}`);
        }
        return cellOf(tally);
      }),
    ]);
    const steps = fleets
      .map((devices) => `${devices}: ${stepSizes(devices).join(', ')}`)
      .join('; ');
    const lines = [
      `Devices that each step serves: ${steps}. Runs begin in the shadow and end promoted, in harm (with the step), or held: 150`,
      'blocks of the fastest device in one step without a verdict (30 where it kills). @ is the median of windows of the fastest device since the ramp',
      'began. "Promoted" with devices that are bad where it serves counts only while one of them is neither named nor out.',
      '',
      ...tableOf(['', ...fleets.map((devices) => `${devices}`)], rows),
    ];
    return { lines, bad };
  },
};

/** Bad devices that are named stay on the champion: a promotion of the others is right. */
function endOf(outcome: RampOutcome, fleet: readonly SimulatedDevice[]): string {
  if (outcome.end !== 'promoted')
    return outcome.step === 0 ? outcome.end : `${outcome.end} ${outcome.step}`;
  const bad = fleet.filter(({ nature }) => nature.served === losesAll);
  const isRight =
    bad.length > 0 &&
    bad.every(({ isNamed, left, leftStep }) => isNamed || (left ?? leftStep) !== undefined);
  return isRight ? 'promoted without them' : 'promoted';
}

function countWrong({ runs }: Tally, wrong: Case['wrong']): number {
  const isWrong = (end: string): boolean => {
    if (wrong === 'promoted') return end === 'promoted';
    if (wrong === 'aborted') return end.startsWith('aborted');
    return !/ 1$|in the shadow$/.test(end);
  };
  return runs.filter(({ end }) => isWrong(end)).length;
}

function cellOf(tally: Tally): string {
  const ends = [...new Set(tally.runs.map(({ end }) => end))].sort();
  return ends
    .map((end) =>
      tally
        .cell(end)
        .replace(/^(\S+ %)/, `${end.replace('aborted', 'harm in')} $1`)
        .replace(' @0', ''),
    )
    .join(', ');
}
