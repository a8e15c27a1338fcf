import {
  defaultTerms,
  type DeviceEvidence,
  type LateMinutes,
} from '../../../../operator/verdict/evidence.js';
import { LateSpells } from '../../../../agent/core/experiment/tally/late-spells.js';
import { judge } from '../../../../operator/verdict/judge.js';
import type { Prng } from '../../../../simulator/prng.js';
import { runCell, tableOf, type Section, type SectionContext } from '../section.js';
import { keepsPromise, type Run } from '../tally.js';

/** Silence and failures in one step of three, with a share of the fleet served; and late minutes over a day. */
export const lostAndLateSection: Section = {
  name: 'lost-and-late',
  title: 'Silent, failed and late devices',
  run(context) {
    const bad: string[] = [];
    const lines = [
      'Silence: one step of three serves 10 % of the fleet. Each device falls silent, or not, with the chance of its arm; outcomes',
      'come in random order, with a look after each. Harm by the ratio of silence, or by the bound of lost devices;',
      'what is too little for harm, the rule holds that at most a tenth of the served may be lost, and none below ten.',
      '',
      ...tableOf(
        ['', ...silentFleets.map((devices) => `${devices} devices`)],
        silences.map((each) => [
          each.name,
          ...silentFleets.map((devices) => silenceCell(context, each, devices, bad)),
        ]),
      ),
      '',
      'Failures in the shadow: devices that gave the challenger up, heard before any comparison.',
      '',
      ...tableOf(
        ['', 'harm'],
        failures.map(([failed, devices]) => [
          `${failed} of ${devices.toLocaleString('en')}`,
          failureVerdict(failed, devices),
        ]),
      ),
      '',
      'Late answers: harm is more than one and a half times as often. Each of the two is late in a minute with the chance of its',
      'row, a look each hour for a day. In bursts a minute repeats the one before with that chance, each for itself. A spell of',
      'minutes in which the same one alone is late counts once in ten; one row shows what counting each minute would do.',
      '',
      ...tableOf(
        ['', ...lateFleets.map((devices) => `${devices} devices`)],
        lates.map((each) => [
          each.name,
          ...lateFleets.map((devices) => lateCell(context, each, devices, bad)),
        ]),
      ),
    ];
    return { lines, bad };
  },
};

const silentFleets = [48, 100, 1000] as const;
interface Silence {
  readonly name: string;
  readonly served: number;
  readonly others: number;
  readonly atMost?: number;
}
/** What the two guardrails that look at silence have of alpha. */
const shareOfSilence = 1 / 8 + 1 / 32;
const silences: readonly Silence[] = [
  {
    name: 'wrong harm: 2 % silent in both arms',
    served: 0.02,
    others: 0.02,
    atMost: 0.05 * shareOfSilence,
  },
  {
    name: 'wrong harm: 5 % silent in both arms',
    served: 0.05,
    others: 0.05,
    atMost: 0.05 * shareOfSilence,
  },
  { name: 'wrong harm: 4 % beside 2 %', served: 0.04, others: 0.02, atMost: 0.05 * shareOfSilence },
  { name: '30 % beside 1 %', served: 0.3, others: 0.01 },
  { name: 'all beside 1 %', served: 1, others: 0.01 },
];

function silenceCell(
  context: SectionContext,
  each: Silence,
  devices: number,
  bad: string[],
): string {
  const name = `silence, ${each.name}, ${devices} devices`;
  const runs = context.runs(devices);
  const tally = runCell(context, name, runs, (prng) => silenceRun(each, devices, prng));
  if (each.atMost !== undefined && !keepsPromise(tally.count('harm'), runs, each.atMost)) {
    bad.push(`${name}: ${tally.count('harm')} of ${runs}`);
  }
  return `${tally.percent('harm')} %`;
}

function silenceRun({ served, others }: Silence, devices: number, prng: Prng): Run {
  const exposed = Math.round(devices / 10);
  const ids = Array.from({ length: devices }, (_, i) => `d${i}`);
  const isSilent = ids.map((_, i) => prng.uniform(0, 1) < (i < exposed ? served : others));
  const order = ids.map((_, i) => ({ i, lot: prng.uint32() })).sort((a, b) => a.lot - b.lot);
  const known = new Set<number>();
  const step = { isLast: false, fromPolicy: 2, served: ids.slice(0, exposed) };
  for (const { i } of order) {
    if (isSilent[i] !== true) continue;
    known.add(i);
    const evidence = ids.map((id, at): DeviceEvidence => ({
      ...quiet,
      id,
      silent: known.has(at),
    }));
    const { verdict, guardrail } = judge({
      ...nothing,
      devices: evidence,
      step,
      terms: { ...defaultTerms, steps: 3 },
    });
    if (verdict === 'harm') return { end: 'harm', windows: 0, guardrail };
  }
  return { end: 'open', windows: 0, guardrail: null };
}

const failures: readonly (readonly [failed: number, devices: number])[] = [
  [1, 3],
  [3, 3],
  [3, 48],
  [10, 1000],
  [27, 10_000],
  [5, 48],
  [100, 1000],
];

function failureVerdict(failed: number, devices: number): string {
  const evidence = Array.from({ length: devices }, (_, i): DeviceEvidence => ({
    ...quiet,
    id: `d${i}`,
    failed: i < failed,
  }));
  return judge({ ...nothing, devices: evidence, terms: defaultTerms }).verdict;
}

const lateFleets = [3, 48, 100] as const;
interface Late {
  readonly name: string;
  readonly challenger: number;
  readonly champion: number;
  readonly burst: number;
  /** Counts each minute of a spell, which is not the rule. */
  readonly everyMinute?: boolean;
  readonly atMost?: number;
}
const lates: readonly Late[] = [
  {
    name: 'wrong harm: both late on 2 %',
    challenger: 0.02,
    champion: 0.02,
    burst: 0,
    atMost: 0.05 / 32,
  },
  {
    name: 'wrong harm: both on 2 %, bursts .5',
    challenger: 0.02,
    champion: 0.02,
    burst: 0.5,
    atMost: 0.05 / 32,
  },
  {
    name: 'wrong harm: both on 10 %, bursts .7',
    challenger: 0.1,
    champion: 0.1,
    burst: 0.7,
    atMost: 0.05 / 32,
  },
  {
    name: 'wrong harm: both on 10 %, bursts .9',
    challenger: 0.1,
    champion: 0.1,
    burst: 0.9,
    atMost: 0.05 / 32,
  },
  {
    name: 'not the rule: both on 10 %, bursts .7, each minute counted',
    challenger: 0.1,
    champion: 0.1,
    burst: 0.7,
    everyMinute: true,
  },
  {
    name: 'one and a half times 2 %',
    challenger: 0.03,
    champion: 0.02,
    burst: 0,
    atMost: 0.05 / 32,
  },
  { name: 'three times 2 %: harm', challenger: 0.06, champion: 0.02, burst: 0 },
  { name: 'ten times 2 %: harm', challenger: 0.2, champion: 0.02, burst: 0 },
  { name: 'in each minute, beside 2 %: harm', challenger: 1, champion: 0.02, burst: 0 },
];

function lateCell(context: SectionContext, each: Late, devices: number, bad: string[]): string {
  const name = `late, ${each.name}, ${devices} devices`;
  const runs = context.runs(devices);
  const tally = runCell(context, name, runs, (prng) => lateRun(each, devices, prng));
  if (each.atMost !== undefined && !keepsPromise(tally.count('harm'), runs, each.atMost)) {
    bad.push(`${name}: ${tally.count('harm')} of ${runs}`);
  }
  const hours = tally.medianWindows('harm');
  return `${tally.percent('harm')} %${hours === undefined ? '' : ` after ${hours} h`}`;
}

function lateRun(
  { challenger, champion, burst, everyMinute = false }: Late,
  devices: number,
  prng: Prng,
): Run {
  const spells = Array.from({ length: devices }, () => new LateSpells());
  const every = spells.map(() => ({ onlyChampion: 0, onlyChallenger: 0 }));
  const last = spells.map(() => ({ challenger: false, champion: false }));
  const next = (before: boolean, chance: number): boolean =>
    burst > 0 && prng.uniform(0, 1) < burst ? before : prng.uniform(0, 1) < chance;
  for (let hour = 1; hour <= 24; hour++) {
    for (const [i, spell] of spells.entries()) {
      const [late, minutes] = [last[i], every[i]];
      if (late === undefined || minutes === undefined) continue;
      for (let minute = 0; minute < 60; minute++) {
        late.challenger = next(late.challenger, challenger);
        late.champion = next(late.champion, champion);
        spell.compared();
        if (late.challenger) spell.late('challenger');
        if (late.champion) spell.late('champion');
        spell.reported();
        if (late.challenger && !late.champion) minutes.onlyChallenger++;
        if (late.champion && !late.challenger) minutes.onlyChampion++;
      }
    }
    const counts: readonly LateMinutes[] = everyMinute ? every : spells.map(({ state }) => state);
    const evidence = counts.map((late, i): DeviceEvidence => ({ ...quiet, id: `d${i}`, late }));
    const { verdict, guardrail } = judge({ ...nothing, devices: evidence, terms: defaultTerms });
    if (verdict === 'harm') return { end: 'harm', windows: hour, guardrail };
  }
  return { end: 'open', windows: 24, guardrail: null };
}

/** A device that has compared nothing. */
const quiet = { asked: true, present: true, shadow: [], served: [] } as const;
const nothing = { unmet: [], holds: [], names: { champion: 'a', challenger: 'b' } } as const;
