import { v } from '../../../agent/adapters/schema-library.js';
import { limits } from '../../../protocol/limits.js';
import { everyDevice } from '../selector.js';
import { mostDevices } from './fleet.js';
import { fault } from './faults.js';
import {
  amount,
  chosen,
  count,
  keysOf,
  listOf,
  name,
  oneOf,
  rate,
  selector,
  single,
  type Keys,
} from './keys.js';

const mostEntries = 10_000;
const mostSteps = 100;
const longest = '30 day';

/** A time, or from when to when. */
const range = amount('duration', '0', '36500 day');
const at = { at: single('duration', '0', '36500 day') };

const trial = {
  soak: v.optional(single('duration', '0', longest), '0'),
  inferences: v.optional(count(1, limits.trialInferences), '1'),
};

const publish = v.pipe(
  keysOf({
    ...at,
    publish: name(),
    ramp: v.optional(rate('all')),
    spread: v.optional(single('duration', '0', longest)),
    ...trial,
  }),
  v.check(
    ({ ramp, spread }) => ramp === undefined || spread === undefined,
    'must not have both ramp and spread',
  ),
  v.check(
    ({ ramp }) => ramp === undefined || (typeof ramp.perMs === 'number' && ramp.perMs > 0),
    'must have a ramp that is one rate, and not 0',
  ),
  v.transform(({ publish: release, ...given }) => ({
    action: 'publish' as const,
    release,
    ...given,
  })),
);

const exposures = v.pipe(
  listOf(single('share', '0.01 %', '100 %'), 1, mostSteps),
  v.check(
    (shares) => shares.every((share, i) => share > (shares[i - 1] ?? 0)) && shares.at(-1) === 1,
    'must rise and end with 100 %',
  ),
);

const rollout = v.pipe(
  keysOf({
    ...at,
    rollout: name(),
    as: name(),
    evidence: v.optional(oneOf('labels', 'health'), 'labels'),
    exposures: v.optional(exposures, ['10 %', '25 %', '50 %', '100 %']),
    over: v.optional(single('duration', '0', longest), '1 h'),
    ...trial,
    'step-soak': v.optional(single('duration', '0', longest), '60 s'),
    horizon: v.optional(single('duration', '1 s', longest), '1 day'),
    safe: v.optional(single('share', '0.01 %', '99 %'), '2 %'),
    harm: v.optional(single('share', '0 %', '99 %'), '1 %'),
    alpha: v.optional(single('share', '0.1 %', '50 %'), '5 %'),
    scope: v.optional(oneOf('these-devices', 'population'), 'these-devices'),
    holdout: v.optional(single('share', '0 %', '99 %'), '0'),
    spread: v.optional(single('duration', '0', longest), '0'),
  }),
  v.check(({ harm, safe }) => harm < safe, 'must have harm below safe'),
  v.transform(({ rollout: release, as, ...given }) => {
    return { action: 'rollout' as const, release, name: as, ...given };
  }),
);

const request = v.pipe(
  keysOf({
    ...at,
    'rollout-request': oneOf('pause', 'resume', 'abort', 'promote'),
    of: name(),
  }),
  v.transform(({ 'rollout-request': request, of, at }) => {
    return { action: 'rollout-request' as const, request, rollout: of, at };
  }),
);

const join = v.pipe(
  keysOf({ ...at, join: count(1, mostDevices), group: name() }),
  v.transform(({ join: count, ...given }) => ({ action: 'join' as const, count, ...given })),
);

const enrol = v.pipe(
  keysOf({ ...at, enrol: oneOf('again'), where: v.optional(selector()) }),
  v.transform(({ where = everyDevice, at }) => ({ action: 'enrol-again' as const, where, at })),
);

const faulty = v.pipe(
  keysOf({ at: range, fault: chosen(fault) }),
  v.check(
    ({ at, fault }) => typeof at === 'number' || (fault.lasts && fault.forMs === undefined),
    'must have one time as at: only what lasts takes a range, and then without for',
  ),
  v.transform(({ at, fault }) => ({ action: 'fault' as const, at, ...fault })),
);

const actions = {
  publish,
  rollout,
  'rollout-request': request,
  join,
  enrol,
  fault: faulty,
};

function entry(given: Keys): (typeof actions)[keyof typeof actions] | string {
  const names = Object.keys(actions) as (keyof typeof actions)[];
  const [action, ...more] = names.filter((each) => Object.hasOwn(given, each));
  if (action === undefined) return `must have an action: ${names.join(', ')}`;
  return more.length === 0
    ? actions[action]
    : `must have one action; it has ${[action, ...more].join(' and ')}`;
}

/** `timeline`. */
export const timeline = listOf(chosen(entry), 0, mostEntries);
