import { CodedError } from '../protocol/coded-error.js';
import { everyone } from '../protocol/documents/policy.js';
import { limits } from '../protocol/limits.js';
import { slotPattern } from '../protocol/topics.js';
import type { RolloutPlan } from '../operator/rollout/rollout.js';
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
  windows: { type: 'number', describe: 'Windows that a device compares.', default: 40 },
  evidence: {
    type: 'text',
    describe: 'What the gate judges by: labels (somebody tells the truth) or health (nobody does).',
    default: 'labels',
  },
  labelled: {
    type: 'number',
    describe:
      'Windows with a true label that make its comparison count; half of them if not given.',
  },
  budget: {
    type: 'number',
    describe: 'Share of time that the challenger may compute in the shadow, in permille.',
    default: 300,
  },
  ...trialOptions,
  'step-soak': { type: 'number', describe: 'Seconds that each step lasts at least.', default: 60 },
  horizon: {
    type: 'number',
    describe: 'Seconds after which an undecided step is held; after twice as long it is given up.',
    default: 86_400,
  },
  margin: {
    type: 'number',
    describe: 'A device is harmed where so many more of its windows are wrong, in percent.',
    default: 5,
  },
  harm: {
    type: 'number',
    describe: 'Harm is certain where more of the devices are harmed, in percent.',
    default: 10,
  },
  safe: {
    type: 'number',
    describe: 'Safety is certain where less of the devices are harmed, in percent.',
    default: 30,
  },
  alpha: {
    type: 'number',
    describe: 'The chance of each wrong verdict that is put up with, in percent.',
    default: 5,
  },
} as const satisfies Record<string, Option>;

/** The slot that was named. Throws `topic-invalid`. */
export function readSlot(given: Arguments): string {
  const slot = given.requiredText('slot');
  if (slotPattern.test(slot)) return slot;
  throw new CodedError('topic-invalid', `the slot ${JSON.stringify(slot)}`);
}

/** The plan that the options ask for. Throws `usage-invalid`. */
export function readPlan(given: Arguments): RolloutPlan {
  const windows = given.wholeNumber('windows', 1, limits.shadowWindows);
  const gate = {
    marginPermille: readPermille(given, 'margin', 0, 1000),
    harmPermille: readPermille(given, 'harm', 1, 999),
    safePermille: readPermille(given, 'safe', 1, 999),
    alphaPermille: readPermille(given, 'alpha', 1, 500),
  };
  if (gate.safePermille < gate.harmPermille) {
    throw new CodedError('usage-invalid', '--safe must not be less than --harm');
  }
  return {
    shadow: { windows, budgetPermille: given.wholeNumber('budget', 1, 1000) },
    evidence: readEvidence(given.requiredText('evidence')),
    labelledWindows:
      given.number('labelled') === undefined
        ? Math.ceil(windows / 2)
        : given.wholeNumber('labelled', 1, windows),
    exposures: readExposures(given.requiredText('exposures')),
    trial: trialOf(given),
    stepSoakMs: given.wholeNumber('step-soak', 0, limits.soakMs / 1000) * 1000,
    horizonMs: given.wholeNumber('horizon', 1, limits.soakMs / 1000) * 1000,
    gate,
  };
}

function readEvidence(text: string): RolloutPlan['evidence'] {
  if (text === 'labels' || text === 'health') return text;
  throw new CodedError('usage-invalid', `--evidence ${text} is neither labels nor health`);
}

function readPermille(given: Arguments, name: string, least: number, most: number): number {
  const permille = Math.round((given.number(name) ?? NaN) * 10_000) / 1_000;
  if (Number.isSafeInteger(permille) && permille >= least && permille <= most) return permille;
  throw new CodedError(
    'usage-invalid',
    `--${name} must be from ${least / 10} to ${most / 10} percent, with one digit after the point`,
  );
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
