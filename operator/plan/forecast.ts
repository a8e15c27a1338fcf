import type { Rejection } from '../../protocol/result.js';
import { blockOutcomes } from './block-outcomes.js';
import { caveatsOf } from './caveats.js';
import { Course, type CourseEnd, type CourseTerms } from './course.js';
import { Draws } from './draws.js';
import { rampSteps } from './ramp-steps.js';
import { refusalsOf } from './refusals.js';
import { timeOfWindows, type PlanTerms } from './plan-terms.js';

/** More wrong answers of the challenger, as shares of windows, that a forecast is made for. */
const effects = [0, 0.01, 0.02, 0.05, 0.2] as const;

/** In larger fleets three rounds are what is waited for, and this many devices say so as well. */
const mostPlayed = 10_000;

/** Plays of one row: fewer where there are many devices, since their mean hardly varies. */
const plays = { most: 300, least: 10, deviceRounds: 60_000 } as const;

const shareOfMean = 1 / 2;

/** When something is decided, over all plays. */
export interface Ending {
  /** The share of plays that end so. */
  readonly share: number;
  /** Windows of each device until then, and the time that they take: in half of those plays, and in nine tenths. */
  readonly windows: number | undefined;
  readonly windowsOfMost: number | undefined;
  readonly ms: number | undefined;
}

/** What is to be expected where the challenger has so many more of the windows wrong. */
export interface ForecastRow {
  readonly effect: number;
  readonly safe: Ending;
  readonly harm: Ending;
}

/** What a plan can show, and what it cannot. */
export interface Forecast {
  readonly terms: PlanTerms;
  /** In the shadow, before anybody is served; empty where the plan is refused. */
  readonly shadow: readonly ForecastRow[];
  /** All steps of the ramp after it, for a challenger that is as good. */
  readonly ramp:
    { readonly steps: number; readonly windows: number; readonly ms: number } | undefined;
  /** What cannot be shown, in sentences. */
  readonly caveats: readonly string[];
  readonly refusals: readonly Rejection[];
}

/**
 * Says what a rollout with these terms can show: by playing it many times with the bets of the verdict, always with
 * the same draws. All devices are taken to be alike and equally fast, windows to be independent, and nobody to leave or
 * be named; a real fleet takes somewhat longer. For scope "devices like these" only what is needed at the least is said.
 */
export function planRollout(terms: PlanTerms, seed = 1): Forecast {
  const refusals = refusalsOf(terms);
  if (refusals.some(({ code }) => code === 'plan-contradictory')) {
    return { terms, shadow: [], ramp: undefined, caveats: [], refusals };
  }
  const isPlayed = refusals.length === 0 && terms.scope === 'these-devices';
  const shadow = isPlayed ? effects.map((effect) => rowOf(terms, effect, seed)) : [];
  return {
    terms,
    shadow,
    ramp: isPlayed ? rampOf(terms, seed) : undefined,
    caveats: caveatsOf(terms, shadow),
    refusals,
  };
}

function rowOf(terms: PlanTerms, effect: number, seed: number): ForecastRow {
  const { devices, blockWindows, safe, harm, alpha } = terms;
  const course = {
    devices,
    blockWindows,
    safe: { margin: safe, alpha },
    harm: { margin: harm, alpha: alpha * shareOfMean },
    leastRounds: 3,
  };
  const ends = playMany(course, terms, effect, seed);
  const ending = (verdict: CourseEnd['verdict']): Ending => {
    const rounds = ends
      .filter((end) => end.verdict === verdict)
      .map((end) => end.rounds)
      .sort((a, b) => a - b);
    const at = (q: number): number | undefined => {
      const found = rounds[Math.floor(q * rounds.length)];
      return found === undefined ? undefined : found * blockWindows;
    };
    const windows = at(0.5);
    return {
      share: rounds.length / ends.length,
      windows,
      windowsOfMost: at(0.9),
      ms: windows === undefined ? undefined : timeOfWindows(terms, windows),
    };
  };
  return { effect, safe: ending('safe'), harm: ending('harm') };
}

function rampOf(terms: PlanTerms, seed: number): Forecast['ramp'] {
  const steps = rampSteps(terms);
  let rounds = 0;
  for (const step of steps) {
    const safe = playMany(step, terms, 0, seed)
      .flatMap((end) => (end.verdict === 'safe' ? [end.rounds] : []))
      .sort((a, b) => a - b);
    const median = safe[Math.floor(safe.length / 2)];
    if (median === undefined) return undefined;
    rounds += median;
  }
  const windows = rounds * terms.blockWindows;
  return { steps: steps.length, windows, ms: timeOfWindows(terms, windows) };
}

function playMany(
  course: CourseTerms,
  terms: PlanTerms,
  effect: number,
  seed: number,
): readonly CourseEnd[] {
  const devices = Math.min(mostPlayed, course.devices);
  const played = new Course({ ...course, devices }, blockOutcomes(terms, effect));
  const draws = new Draws(seed);
  const count = Math.round(plays.deviceRounds / devices);
  const times = Math.min(plays.most, Math.max(plays.least, count));
  return Array.from({ length: times }, () => played.play(draws));
}
