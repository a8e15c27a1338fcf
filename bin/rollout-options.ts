import { CodedError } from '../protocol/coded-error.js';
import { everyone } from '../protocol/documents/policy.js';
import { limits } from '../protocol/limits.js';
import { slotPattern } from '../protocol/topics.js';
import { planRollout, type Forecast } from '../operator/plan/forecast.js';
import type { RolloutPlan } from '../operator/rollout/rollout.js';
import { defaultTerms, type Scope } from '../operator/verdict/evidence.js';
import { jsonOption, type Arguments, type Option } from './command.js';
import { trialOf, trialOptions } from './trial-options.js';

/** The options of every command about a rollout. */
export const rolloutOptions = {
  slot: { type: 'text', describe: 'The slot.', alias: 's', required: true },
  keys: {
    type: 'text',
    describe: 'The folder that `keys new` made; the rollout is kept there.',
    alias: 'k',
    required: true,
  },
  ...jsonOption,
} as const satisfies Record<string, Option>;

/** The options that a plan is made of. */
export const planOptions = {
  exposures: {
    type: 'text',
    describe: 'Shares of the fleet in percent, served one after the other.',
    default: '10,25,50,100',
  },
  windows: { type: 'number', describe: 'Windows that are compared in each --over.', default: 40 },
  over: {
    type: 'number',
    describe: 'Seconds over which they are drawn; 0 compares one after the other.',
    default: 3_600,
  },
  evidence: {
    type: 'text',
    describe:
      'What safe rests on: labels (somebody tells the truth where the two differ) or health (nobody does).',
    default: 'labels',
  },
  budget: {
    type: 'number',
    describe: 'Share of time that the other release may compute, in permille.',
    default: 300,
  },
  ...trialOptions,
  report: { type: 'number', describe: 'Seconds between two reports of a device.', default: 60 },
  'step-soak': { type: 'number', describe: 'Seconds that each step lasts at least.', default: 60 },
  horizon: {
    type: 'number',
    describe: 'Seconds after which an undecided step is held; after twice as long it is given up.',
    default: 86_400,
  },
  safe: {
    type: 'number',
    describe: 'Safe is a mean loss of less than so many of 100 windows.',
    default: 100 * defaultTerms.safe,
  },
  harm: {
    type: 'number',
    describe: 'Harm is a mean loss of more than so many of 100 windows.',
    default: 100 * defaultTerms.harm,
  },
  alpha: {
    type: 'number',
    describe: 'The chance of each wrong verdict that is tolerated, in percent.',
    default: 100 * defaultTerms.alpha,
  },
  'device-margin': {
    type: 'number',
    describe: 'A device that loses more of 100 windows is named, and stays on the champion.',
    default: 100 * defaultTerms.deviceMargin,
  },
  'harm-share': {
    type: 'number',
    describe: 'More named devices than so many of 100, and two at least, are harm.',
    default: 100 * defaultTerms.harmShare,
  },
  coverage: {
    type: 'number',
    describe: 'So many of 100 devices that are there must take part before anything is safe.',
    default: 100 * defaultTerms.coverage,
  },
  block: {
    type: 'number',
    describe: 'Windows of a block: 10, 5 where windows are a minute apart, 20 where losses last.',
    default: defaultTerms.blockWindows,
  },
  scope: {
    type: 'text',
    describe: 'these-devices, or population: whom the verdict speaks of.',
    default: defaultTerms.scope,
  },
  switchback: {
    type: 'number',
    describe:
      'Windows of a turn, where answers change what is measured: the two then answer in turns, and every window wants a label.',
    default: 0,
  },
  bake: {
    type: 'number',
    describe:
      'Seconds in which everyone is served and compares, with a way back, before it is for good.',
    default: 0,
  },
  holdout: {
    type: 'number',
    describe: 'Percent of the devices that stay on the champion for that time, by lot.',
    default: 0,
  },
  'new-classes': {
    type: 'flag',
    describe: 'The release may know classes that the champion does not.',
  },
  stratum: {
    type: 'text',
    describe: 'A label of `enrol` whose groups must not be worse off each.',
  },
  error: {
    type: 'number',
    describe: 'Windows that the champion has wrong, in percent; for the forecast.',
    default: 10,
  },
  disagreement: {
    type: 'number',
    describe: 'Windows on which the two differ, in percent; for the forecast.',
    default: 10,
  },
  period: {
    type: 'number',
    describe: 'Seconds between two windows of a device; for the forecast.',
    default: 1,
  },
} as const satisfies Record<string, Option>;

/** The slot that was named. Throws `topic-invalid`. */
export function readSlot(given: Arguments): string {
  const slot = given.requiredText('slot');
  if (slotPattern.test(slot)) return slot;
  throw new CodedError('topic-invalid', `the slot ${JSON.stringify(slot)}`);
}

/** The plan that the options ask for. Throws `usage-invalid` and `plan-contradictory`. */
export function readPlan(given: Arguments): RolloutPlan {
  const overMs = given.wholeNumber('over', 0, limits.soakMs / 1000) * 1000;
  const terms = {
    safe: readShare(given, 'safe'),
    harm: readShare(given, 'harm'),
    alpha: readShare(given, 'alpha'),
    deviceMargin: readShare(given, 'device-margin'),
    harmShare: readShare(given, 'harm-share'),
    coverage: readShare(given, 'coverage'),
    scope: readScope(given),
    evidence: readEvidence(given.requiredText('evidence')),
    blockWindows: given.wholeNumber('block', 5, 50),
  };
  // A policy tells devices the level in 1/1000.
  if (terms.alpha < 0.001 || terms.alpha > 0.5) {
    throw new CodedError('usage-invalid', '--alpha must be from 0.1 to 50');
  }
  if (terms.harm >= terms.safe) {
    throw new CodedError('plan-contradictory', '--harm must be less than --safe');
  }
  const holdout = Math.round(readShare(given, 'holdout') * everyone);
  const bakeMs = given.wholeNumber('bake', 0, limits.soakMs / 1000) * 1000;
  if (holdout > 0 && bakeMs === 0) {
    throw new CodedError('plan-contradictory', '--holdout holds out for the time of --bake');
  }
  const turnWindows = given.wholeNumber('switchback', 0, limits.turnWindows);
  if (turnWindows > 0 && (bakeMs > 0 || terms.evidence === 'health')) {
    const other = bakeMs > 0 ? 'while it bakes' : 'without labels';
    throw new CodedError('plan-contradictory', `--switchback compares nothing ${other}`);
  }
  return {
    turnWindows,
    shadow: {
      windows: given.wholeNumber('windows', 1, limits.shadowWindows),
      budgetPermille: given.wholeNumber('budget', 1, 1000),
      ...(overMs > 0 && { overMs }),
    },
    terms,
    exposures: readExposures(given.requiredText('exposures')),
    bakeMs,
    holdout,
    trial: trialOf(given),
    reportMs: given.wholeNumber('report', 1, limits.soakMs / 1000) * 1000,
    stepSoakMs: given.wholeNumber('step-soak', 0, limits.soakMs / 1000) * 1000,
    horizonMs: given.wholeNumber('horizon', 1, limits.soakMs / 1000) * 1000,
  };
}

/** What can be said of a plan before it begins. Throws `usage-invalid`. */
export function readForecast(given: Arguments, plan: RolloutPlan, devices: number): Forecast {
  const { shadow, terms, exposures, horizonMs } = plan;
  const { windows, overMs } = shadow;
  return planRollout({
    ...terms,
    devices,
    exposures,
    horizonMs,
    error: readShare(given, 'error'),
    disagreement: readShare(given, 'disagreement'),
    labelled: terms.evidence === 'labels' ? 1 : 0,
    periodMs: 1000 * (given.number('period') ?? NaN),
    sampled: overMs === undefined ? undefined : { windows, overMs },
  });
}

function readEvidence(text: string): RolloutPlan['terms']['evidence'] {
  if (text === 'labels' || text === 'health') return text;
  throw new CodedError('usage-invalid', `--evidence ${text} is neither labels nor health`);
}

/** Whom a verdict speaks of. Throws `usage-invalid`. */
export function readScope(given: Arguments): Scope {
  const scope = given.requiredText('scope');
  if (scope === 'these-devices' || scope === 'population') return scope;
  throw new CodedError('usage-invalid', `--scope ${scope} is neither these-devices nor population`);
}

function readShare(given: Arguments, name: string): number {
  const percent = given.number(name) ?? NaN;
  if (percent >= 0 && percent <= 100) return percent / 100;
  throw new CodedError('usage-invalid', `--${name} must be from 0 to 100`);
}

/** Shares in 1/10000 that rise and end with everyone. */
export function readExposures(text: string): readonly number[] {
  const exposures = text.split(',').map((each) => {
    if (!/^ *\d{1,3}(\.\d{1,2})? *$/.test(each)) return NaN;
    return Math.round(Number(each) * 100);
  });
  const rising = exposures.every((each, i) => each > (exposures[i - 1] ?? 0));
  if (rising && exposures.at(-1) === everyone) return exposures;
  throw new CodedError(
    'usage-invalid',
    '--exposures must be percentages that rise and end with 100, such as 10,50,100',
  );
}
