import { oddsOf } from '../paired-answers.js';
import { runCell, tableOf, type Section } from '../section.js';
import type { DeviceNature, SimulatedDevice } from '../simulated-device.js';
import { compareInShadow, makeFleet } from '../simulated-rollout.js';
import { keepsPromise } from '../tally.js';

const fleets = [10, 50, 100, 1000] as const;
const sound = oddsOf(0);
const losesAll = { onlyChampionRight: 1, onlyChallengerRight: 0 };

interface Case {
  readonly name: string;
  /** @param lot in [0, 1), evenly spread over the fleet */
  readonly natureOf: (lot: number) => DeviceNature;
  readonly isSound: boolean;
}

const isTenth = (lot: number): boolean => lot >= 0.9;

const cases: readonly Case[] = [
  { name: 'equal models, equally fast', natureOf: () => ({ shadow: sound }), isSound: true },
  {
    name: 'equal, speeds .6 to 1 and 5 % lost for good',
    natureOf: (lot) => ({
      shadow: sound,
      speed: 0.6 + 0.4 * lot,
      ...(lot < 0.05 && { diesAt: 2 }),
    }),
    isSound: true,
  },
  {
    name: 'equal, a tenth dead from the start',
    natureOf: (lot) => ({ shadow: sound, ...(isTenth(lot) && { diesAt: 0 }) }),
    isSound: true,
  },
  {
    name: 'the slowest tenth loses everything, three times slower',
    natureOf: (lot) => (isTenth(lot) ? { shadow: losesAll, speed: 1 / 3 } : { shadow: sound }),
    isSound: false,
  },
  {
    name: 'the slowest tenth loses everything and never closes a block',
    natureOf: (lot) => (isTenth(lot) ? { shadow: losesAll, speed: 0 } : { shadow: sound }),
    isSound: false,
  },
  {
    name: 'half of them lose 2 points and are twice as fast: exactly +1 in the mean',
    natureOf: (lot) => (lot < 0.5 ? { shadow: oddsOf(0.02) } : { shadow: sound, speed: 0.5 }),
    isSound: true,
  },
];

/** Who is slow, dead or early decides nothing. */
export const roundsSection: Section = {
  name: 'rounds',
  title: 'Slow, dead and early devices',
  run(context) {
    const bad: string[] = [];
    const rows = cases.map(({ name, natureOf, isSound }) => [
      name,
      ...fleets.map((devices) => {
        const tally = runCell(
          context,
          `${name}, ${devices} devices`,
          context.runs(devices),
          (prng) => {
            const fleet = makeFleet(devices, (i) => natureOf((i + 0.5) / devices), prng);
            const { verdict, windows, judgement } = compareInShadow(fleet, {});
            return { end: endOf(verdict, fleet), windows, guardrail: judgement.guardrail };
          },
        );
        const wrong = isSound ? tally.count('harm') : tally.count('safe');
        if (!keepsPromise(wrong, tally.runs.length, 0.05)) {
          bad.push(`${name}, ${devices} devices: ${wrong} of ${tally.runs.length} wrong`);
        }
        const without =
          tally.count('without') > 0 ? `, safe of the others ${tally.cell('without')}` : '';
        return `safe ${tally.cell('safe')}${without}, harm ${tally.cell('harm')}`;
      }),
    ]);
    const lines = [
      '@ counts windows of the fastest device. A device that never closes a block is not in: what it loses there is in no report,',
      'and the verdict speaks of the devices that are in and says how many are not; that one stays on the champion.',
      '',
      ...tableOf(['', ...fleets.map((devices) => `${devices} devices`)], rows),
    ];
    return { lines, bad };
  },
};

/** Safe is right of the others where every bad device is named or out, and is said to be. */
function endOf(verdict: string, fleet: readonly SimulatedDevice[]): string {
  const bad = fleet.filter(({ nature }) => nature.shadow === losesAll);
  const areOut = bad.every(({ isNamed, left }) => isNamed || left !== undefined);
  return verdict === 'safe' && bad.length > 0 && areOut ? 'without' : verdict;
}
