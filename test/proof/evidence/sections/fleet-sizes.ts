import { oddsOfErrors } from '../paired-answers.js';
import { runCell, tableOf, type Section, type SectionContext } from '../section.js';
import { compareInShadow, makeFleet } from '../simulated-rollout.js';
import type { DeviceNature } from '../simulated-device.js';
import type { Tally } from '../tally.js';
import type { Prng } from '../../../../simulator/prng.js';

const fleets = [3, 10, 30, 48, 100, 1000, 10_000] as const;

/** Decisions of the rule of 2026 before this one, from the audit: percent of runs; the rest were open. */
const oldRule: Readonly<Record<string, readonly string[]>> = {
  '1 -1 spread': ['H0/S0', 'H0/S0', 'S100', 'S100', 'S100', 'S100', 'S100'],
  '1 +0 spread': ['H0/S0', 'H0/S0', 'S100', 'S100', 'S100', 'S100', 'S100'],
  '1 +0.5 spread': ['H0/S0', 'H0/S0', 'S100', 'S100', 'S100', 'S100', 'S100'],
  '1 +1 spread': ['H0/S0', 'H0/S0', 'S94', 'S100', 'S100', 'S100', 'S100'],
  '1 +2 spread': ['H0/S0', 'H1/S0', 'H0/S62', 'S92', 'S100', 'H100', 'H100'],
  '1 +5 spread': ['H7/S0', 'H15/S0', 'H65/S0', 'H73/S2', 'H99', 'H100', 'H100'],
  '1 +20 spread': ['H85/S0', 'H100', 'H100', 'H100', 'H100', 'H100', 'H100'],
  '1 +1 on 5 %': ['H0/S0', 'H0/S0', 'H0/S85', 'S99', 'S100', 'S100', 'S100'],
  '1 +2 on 5 %': ['H0/S0', 'H0/S0', 'H0/S82', 'S99', 'S100', 'S100', 'S100'],
  '1 +5 on 5 %': ['H0/S0', 'H0/S0', 'H0/S82', 'S99', 'S100', 'S100', 'S100'],
  '5 -1 spread': ['H0/S0', 'H1/S0', 'S93', 'S100', 'S100', 'S100', 'S100'],
  '5 +0 spread': ['H0/S0', 'H1/S0', 'H0/S81', 'S99', 'S100', 'S100', 'S100'],
  '5 +0.5 spread': ['H0/S0', 'H1/S0', 'H0/S61', 'S90', 'S100', 'S100', 'S100'],
  '5 +1 spread': ['H1/S0', 'H2/S0', 'H1/S45', 'H1/S70', 'S99', 'S95', 'S100'],
  '5 +2 spread': ['H3/S0', 'H3/S0', 'H9/S12', 'H11/S37', 'H13/S82', 'H100', 'H100'],
  '5 +5 spread': ['H13/S0', 'H19/S0', 'H79/S0', 'H93', 'H100', 'H100', 'H100'],
  '5 +20 spread': ['H75/S0', 'H99', 'H100', 'H100', 'H100', 'H100', 'H100'],
  '5 +1 on 5 %': ['H0/S0', 'H1/S0', 'H1/S47', 'H0/S82', 'S100', 'S100', 'S100'],
  '5 +2 on 5 %': ['H0/S0', 'H1/S0', 'H1/S43', 'H0/S80', 'S98', 'S95', 'S100'],
  '5 +5 on 5 %': ['H0/S0', 'H1/S0', 'H1/S43', 'H0/S80', 'S98', 'S100', 'S100'],
  '10 -1 spread': ['H1/S0', 'H0/S0', 'H1/S43', 'H1/S81', 'S100', 'S98', 'H17/S83'],
  '10 +0 spread': ['H3/S0', 'H1/S0', 'H3/S28', 'H3/S60', 'S94', 'H83/S18', 'H100'],
  '10 +0.5 spread': ['H5/S0', 'H2/S0', 'H7/S15', 'H3/S43', 'H23/S74', 'H100', 'H100'],
  '10 +1 spread': ['H3/S0', 'H3/S0', 'H15/S10', 'H16/S23', 'H40/S53', 'H100', 'H100'],
  '10 +2 spread': ['H5/S0', 'H7/S0', 'H25/S2', 'H45/S5', 'H83/S12', 'H100', 'H100'],
  '10 +5 spread': ['H13/S0', 'H31/S0', 'H87/S0', 'H97', 'H100', 'H100', 'H100'],
  '10 +20 spread': ['H74/S0', 'H100', 'H100', 'H100', 'H100', 'H100', 'H100'],
  '10 +1 on 5 %': ['H3/S0', 'H3/S0', 'H9/S14', 'H15/S26', 'H23/S74', 'H100', 'H100'],
  '10 +2 on 5 %': ['H3/S0', 'H4/S0', 'H11/S13', 'H15/S22', 'H28/S69', 'H100', 'H100'],
  '10 +5 on 5 %': ['H3/S0', 'H4/S0', 'H11/S13', 'H15/S21', 'H41/S50', 'H100', 'H100'],
};

/** A run ends undecided after so many windows of a device. */
const mostWindows = 2_560;

/** The audit's table of decisions by fleet size: yesterday's rule, and this one. */
export const fleetSizes: Section = {
  name: 'fleet-sizes',
  title: 'Decisions by fleet size, and those of the rule before',
  run(context) {
    const bad: string[] = [];
    const rows = Object.entries(oldRule).map(([name, before]) => [
      ...rowName(name),
      ...fleets.map((devices, i) => {
        const tally = tallyOf(context, name, devices);
        if (name.endsWith('+0 spread')) checkEqual(tally, name, devices, bad);
        return `${before[i] ?? ''} → ${decisions(tally)}`;
      }),
    ]);
    const lines = [
      'H and S are percent of runs that ended in harm and in safe, @ the median of windows a device; the rest were undecided after',
      `${mostWindows.toLocaleString('en')} windows. The rule before rested on 20 labelled windows. On 5 % of devices: each device is a bad one with that`,
      'chance, and loses so much that the mean is the difference; a fleet without one is sound, and safe is right. Runs: 300 up to',
      '100 devices, 40 at 1,000, 6 at 10,000.',
      '',
      ...tableOf(
        [
          'base error %',
          'difference, points',
          ...fleets.map((devices) => devices.toLocaleString('en')),
        ],
        rows,
      ),
    ];
    return { lines, bad };
  },
};

/** Equal models are harm in no fleet size more often than alpha. */
function checkEqual(tally: Tally, name: string, devices: number, bad: string[]): void {
  if (tally.share('harm') > 0.05)
    bad.push(`${name}, ${devices} devices: ${tally.percent('harm')} % harm`);
}

function tallyOf(context: SectionContext, name: string, devices: number): Tally {
  const [base = '', difference = ''] = name.split(' ');
  const error = Number(base) / 100;
  const points = Number(difference) / 100;
  const isSpread = name.endsWith('spread');
  const sound = { shadow: oddsOfErrors(error, error) };
  const natureOf = (prng: Prng): DeviceNature => {
    if (isSpread) return { shadow: oddsOfErrors(error, error + points) };
    return prng.uniform(0, 1) < 0.05 ? { shadow: oddsOfErrors(error, error + 20 * points) } : sound;
  };
  return runCell(context, `${name}, ${devices} devices`, context.runs(devices), (prng) => {
    const lots = prng.fork(devices);
    const fleet = makeFleet(devices, () => natureOf(lots), prng);
    const { verdict, windows, judgement } = compareInShadow(fleet, { mostTicks: mostWindows / 10 });
    return { end: verdict, windows, guardrail: judgement.guardrail };
  });
}

function rowName(name: string): readonly string[] {
  const [base = '', difference = '', ...how] = name.split(' ');
  const where = how.join(' ') === 'spread' ? 'spread' : 'on 5 % of devices';
  return [base, `${difference} ${where}`];
}

function decisions(tally: Tally): string {
  const parts = (['harm', 'safe'] as const).flatMap((end) => {
    const count = tally.count(end);
    if (count === 0) return [];
    const letter = end === 'harm' ? 'H' : 'S';
    const percent = String(Math.round(100 * tally.share(end)));
    return [`${letter}${percent}@${tally.medianWindows(end)?.toLocaleString('en') ?? ''}`];
  });
  return parts.length === 0 ? 'open' : parts.join('/');
}
