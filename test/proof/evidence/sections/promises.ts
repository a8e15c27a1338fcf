import type { VerdictTerms } from '../../../../operator/verdict/evidence.js';
import { oddsOf, type Odds } from '../paired-answers.js';
import { runCell, tableOf, type Section, type SectionContext } from '../section.js';
import { compareInShadow, makeFleet } from '../simulated-rollout.js';
import { keepsPromise, type Tally } from '../tally.js';

/** Beyond these bursts a promise is measured and not asserted. */
const assertedBursts = 0.5;

const fleets = [1, 3, 10, 48, 100] as const;

interface Row {
  readonly name: string;
  readonly odds: Odds;
  readonly correlations: readonly number[];
  readonly blockWindows: number;
  /** What is not to happen more often than so, where bursts are within what the blocks allow. */
  readonly promise?: { readonly end: 'safe' | 'harm'; readonly atMost: number };
  readonly shown: 'safe' | 'harm';
}

const wrongSafe = (blockWindows: number, correlations: readonly number[]): Row => ({
  name: `wrong safe at exactly +2 points, L = ${blockWindows} (promised 5 %)`,
  odds: oddsOf(0.02),
  correlations,
  blockWindows,
  promise: { end: 'safe', atMost: 0.05 },
  shown: 'safe',
});
const wrongHarm = (blockWindows: number, correlations: readonly number[]): Row => ({
  name: `wrong harm by the mean at exactly +1 point, L = ${blockWindows} (promised 2.5 %)`,
  odds: oddsOf(0.01),
  correlations,
  blockWindows,
  promise: { end: 'harm', atMost: 0.025 },
  shown: 'harm',
});
const power = (name: string, shown: 'safe' | 'harm', odds: Odds, blockWindows = 10): Row => ({
  name,
  odds,
  correlations: [0],
  blockWindows,
  shown,
});

const rows: readonly Row[] = [
  wrongSafe(10, [0, 0.3, 0.5, 0.8]),
  wrongHarm(10, [0, 0.3, 0.5, 0.8]),
  power('equal models: safe', 'safe', oddsOf(0)),
  power('equal, disagree on 2 %: safe', 'safe', oddsOf(0, 0.02)),
  power('+5 points: harm', 'harm', oddsOf(0.05)),
  power('+20 points: harm', 'harm', oddsOf(0.2)),
  power('L = 5, equal: safe', 'safe', oddsOf(0), 5),
  wrongSafe(5, [0.3]),
  wrongHarm(5, [0.3]),
  wrongSafe(20, [0.5, 0.8]),
  wrongHarm(20, [0.5, 0.8]),
];

/** The table of the rules: what is promised, and how soon a verdict comes. */
export const promises: Section = {
  name: 'promises',
  title: 'What is promised, and how soon a verdict comes',
  run(context) {
    const bad: string[] = [];
    const table = rows.map((row) => [
      row.promise !== undefined ? `${row.name}: bursts ${row.correlations.join(' / ')}` : row.name,
      ...fleets.map((devices) => cellOf(context, row, devices, bad)),
    ]);
    const lines = [
      'Scope "these devices", both models disagree on 10 % of windows unless said, all devices equally fast. 300 runs a cell;',
      '@ is the median of windows a device, in the runs that came to the verdict. A device keeps 256 blocks, so that a run ends',
      'undecided after 256 L windows. In bursts a window repeats the one before with that chance.',
      '',
      ...tableOf(
        ['', ...fleets.map((devices) => `${devices} device${devices === 1 ? '' : 's'}`)],
        table,
      ),
    ];
    return { lines, bad };
  },
};

function cellOf(context: SectionContext, row: Row, devices: number, bad: string[]): string {
  const tallies = row.correlations.map((correlation) => {
    const tally = tallyOf(context, row, devices, correlation);
    const { promise } = row;
    if (promise !== undefined && correlation <= assertedBursts) {
      // Of harm, that by the mean is promised half of alpha, and all of it together the whole.
      const guardrail = promise.end === 'harm' ? 'mean-loss' : undefined;
      const count = tally.count(promise.end, guardrail);
      const rate = `${count} of ${tally.runs.length}`;
      if (!keepsPromise(count, tally.runs.length, promise.atMost)) {
        bad.push(`${row.name}, ${devices} devices, bursts ${correlation}: ${rate}`);
      }
      if (!keepsPromise(tally.count(promise.end), tally.runs.length, 0.05)) {
        bad.push(
          `${row.name}, ${devices} devices, bursts ${correlation}: ${rate} by any guardrail`,
        );
      }
    }
    return tally;
  });
  if (row.promise === undefined) return tallies[0]?.cell(row.shown) ?? '';
  const guardrail = row.shown === 'harm' ? 'mean-loss' : undefined;
  return tallies.map((tally) => tally.percent(row.shown, guardrail)).join(' / ');
}

function tallyOf(context: SectionContext, row: Row, devices: number, correlation: number): Tally {
  const terms: Partial<VerdictTerms> = { blockWindows: row.blockWindows };
  const nature = { shadow: row.odds };
  const name = `${row.name}, ${devices} devices, bursts ${correlation}`;
  return runCell(context, name, context.runs(devices), (prng) => {
    const fleet = makeFleet(devices, () => nature, prng, correlation);
    const { verdict, windows, judgement } = compareInShadow(fleet, { terms });
    return { end: verdict, windows, guardrail: judgement.guardrail };
  });
}
