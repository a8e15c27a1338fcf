import { planRollout } from '../../operator/plan/forecast.js';
import { defaultTerms } from '../../operator/verdict/evidence.js';
import { jsonOption, type Command } from '../command.js';
import { planLines } from '../plan-text.js';
import { readExposures, readScope } from '../rollout-options.js';

/** `tinylamp rollout plan`: what a rollout could show, before it begins. */
export const rolloutPlanCommand: Command = {
  words: 'rollout plan',
  summary:
    'Say how long a rollout takes to decide, and what it cannot show, without a broker and without keys.',
  options: {
    devices: { type: 'number', describe: 'Devices that compare.', required: true },
    error: {
      type: 'number',
      describe: 'Windows that the champion has wrong, in percent.',
      default: 10,
    },
    disagreement: {
      type: 'number',
      describe: 'Windows on which the two give different answers, in percent.',
      default: 10,
    },
    labelled: {
      type: 'number',
      describe: 'Of the windows on which they differ, those that get a true label, in percent.',
      default: 100,
    },
    safe: {
      type: 'number',
      describe: 'Safe is a mean loss of less of 100 windows.',
      default: 100 * defaultTerms.safe,
    },
    harm: {
      type: 'number',
      describe: 'Harm is a mean loss of more of 100 windows.',
      default: 100 * defaultTerms.harm,
    },
    alpha: {
      type: 'number',
      describe: 'The chance of each wrong verdict that is put up with, in percent.',
      default: 100 * defaultTerms.alpha,
    },
    'device-margin': {
      type: 'number',
      describe: 'A device that loses more of 100 windows is named.',
      default: 100 * defaultTerms.deviceMargin,
    },
    block: {
      type: 'number',
      describe: 'Windows of a block.',
      default: defaultTerms.blockWindows,
    },
    scope: {
      type: 'text',
      describe: 'these-devices, or population: whom the verdict speaks of.',
      default: defaultTerms.scope,
    },
    exposures: {
      type: 'text',
      describe: 'Shares of the fleet in percent, served one after the other.',
      default: '10,25,50,100',
    },
    period: { type: 'number', describe: 'Seconds between two windows of a device.', default: 1 },
    windows: { type: 'number', describe: 'Windows that are compared in each --over.', default: 40 },
    over: {
      type: 'number',
      describe: 'Seconds over which they are drawn; 0 compares one after the other.',
      default: 3_600,
    },
    horizon: { type: 'number', describe: 'Seconds after which an undecided step is held.' },
    seed: { type: 'number', describe: 'The draws of the forecast follow from it.', default: 1 },
    ...jsonOption,
  },
  examples: [
    [
      '$0 rollout plan --devices 48 --error 9 --disagreement 8',
      'windows and time until safe or harm, by how much worse the challenger is',
    ],
    ['$0 rollout plan --devices 1 --over 0 --safe 3', 'one gateway that compares each window'],
  ],
  run(given, terminal) {
    const share = (name: string): number => (given.number(name) ?? NaN) / 100;
    const overMs = 1_000 * (given.number('over') ?? NaN);
    const horizon = given.number('horizon');
    const forecast = planRollout(
      {
        devices: given.wholeNumber('devices', 1, 1_000_000),
        error: share('error'),
        disagreement: share('disagreement'),
        labelled: share('labelled'),
        safe: share('safe'),
        harm: share('harm'),
        alpha: share('alpha'),
        deviceMargin: share('device-margin'),
        coverage: defaultTerms.coverage,
        scope: readScope(given),
        blockWindows: given.wholeNumber('block', 5, 50),
        exposures: readExposures(given.requiredText('exposures')),
        periodMs: 1_000 * (given.number('period') ?? NaN),
        sampled: overMs === 0 ? undefined : { windows: given.number('windows') ?? NaN, overMs },
        horizonMs: horizon === undefined ? undefined : 1_000 * horizon,
      },
      given.wholeNumber('seed', 0, 2 ** 32 - 1),
    );
    if (given.flag('json')) terminal.printJson(forecast);
    else for (const line of planLines(forecast)) terminal.print(line);
    return Promise.resolve(forecast.refusals.length > 0 ? 1 : 0);
  },
};
