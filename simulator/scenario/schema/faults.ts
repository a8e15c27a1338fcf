import { v } from '../../../agent/adapters/schema-library.js';
import type { Result } from '../../../protocol/result.js';
import type { EveryWrite, Fault, Now } from '../scenario.js';
import { everyDevice, type Selector } from '../selector.js';
import type { Amount, Rate } from '../values.js';
import {
  amount,
  invalid,
  keysOf,
  oneOf,
  rate,
  readBy,
  readInstant,
  readOften,
  readWithin,
  selector,
  single,
  trueOrFalse,
  type Keys,
} from './keys.js';

/** A fault as the file has it. */
export interface GivenFault {
  readonly fault: Fault;
  readonly where: Selector;
  readonly share: number;
  /** Whether it lasts, or happens again and again; else it is over at once. */
  readonly lasts: boolean;
  readonly forMs: number | undefined;
}

/** One row of the table: the keys of a fault, and what they say together. */
type FaultSchema = v.GenericSchema<unknown, GivenFault>;

const now: Now = { kind: 'now' };

const aim = {
  where: v.optional(selector()),
  share: v.optional(single('share', '0 %', '100 %'), '100 %'),
};
const end = { for: v.optional(single('duration', '1 ms', '3650 day')) };
const direction = { direction: v.optional(oneOf('up', 'down', 'both'), 'both') };
const away = (usual: string) => ({ away: v.optional(amount('duration', '0', '3650 day'), usual) });
const over = { over: v.optional(single('duration', '0', '3650 day'), '0') };
const only = oneOf('true');
const messageShare = amount('share', '0 %', '100 %');

type KillTime = Now | EveryWrite | { readonly kind: 'write'; readonly number: number };

type Given<T extends v.ObjectEntries> = v.InferOutput<v.StrictObjectSchema<T, undefined>>;
type Make<T extends v.ObjectEntries> = (given: Given<T>) => Fault;

/** A fault of devices that lasts. */
function lasting<const T extends v.ObjectEntries>(entries: T, make: Make<T>): FaultSchema {
  return row({ ...entries, ...aim, ...end }, make, () => true);
}

/** A fault of devices that is over at once. */
function instant<const T extends v.ObjectEntries>(entries: T, make: Make<T>): FaultSchema {
  return row({ ...entries, ...aim }, make, () => false);
}

/** A fault that lasts where it happens again and again, as its value says. */
function occurring<const T extends v.ObjectEntries>(entries: T, make: Make<T>): FaultSchema {
  return row({ ...entries, ...end }, make, (fault) => {
    return 'when' in fault && ['rate', 'every write'].includes(fault.when.kind);
  });
}

/** A fault of something that there is once. */
function central<const T extends v.ObjectEntries>(entries: T, make: Make<T>): FaultSchema {
  return row(entries, make, () => false);
}

function row<T extends v.ObjectEntries>(
  entries: v.ObjectEntries,
  make: Make<T>,
  doesLast: (fault: Fault) => boolean,
): FaultSchema {
  return v.pipe(
    keysOf(entries),
    v.rawTransform(({ dataset, addIssue, NEVER }): GivenFault => {
      const given = dataset.value as Keys;
      const fault = make(given as Given<T>);
      const lasts = doesLast(fault);
      const forMs = given['for'] as number | undefined;
      if (forMs !== undefined && !lasts) {
        addIssue({ message: 'must not have for: it is over at once' });
        return NEVER;
      }
      return {
        fault,
        where: (given['where'] as Selector | undefined) ?? everyDevice,
        share: (given['share'] as number | undefined) ?? 1,
        lasts,
        forMs,
      };
    }),
  );
}

/** How far a clock can be away. */
const longAgo = '-36500 day';
const farAhead = '36500 day';

const powerCutWhen = readBy((given) => readWhen(given, 'operation'));
const workerCrashWhen = readBy((given): Result<Rate | Now> => {
  if (given === 'now') return { ok: true, value: now };
  const often = typeof given === 'string' ? readOften(given) : undefined;
  return often?.ok === true ? often : invalid('must be now, or a rate such as 1/device/day');
});
const killWhen = readBy((given): Result<KillTime> => {
  if (given === 'every write') return { ok: true, value: { kind: given } };
  const when = readWhen(given, 'write');
  return when.ok && when.value.kind !== 'rate'
    ? { ok: true, value: when.value }
    : invalid('must be now, write N (the Nth from now) or every write');
});
const jump = readBy(readJump);

function readWhen<const T extends string>(
  given: unknown,
  word: T,
): Result<Rate | Now | { readonly kind: T; readonly number: number }> {
  const form = `must be now, ${word} N (the Nth from now), or a rate such as 1/device/day`;
  if (typeof given !== 'string') return invalid(form);
  if (given === 'now') return { ok: true, value: now };
  const [, digits] = new RegExp(`^${word} ([1-9]\\d{0,8})$`).exec(given) ?? [];
  if (digits !== undefined) return { ok: true, value: { kind: word, number: Number(digits) } };
  const often = readOften(given);
  return often.ok ? often : invalid(form);
}

function readJump(given: unknown): Result<{ byMs: Amount } | { wallMs: number }> {
  const text = typeof given === 'string' ? given : '';
  const to = readInstant(text);
  if (to.ok) return { ok: true, value: { wallMs: to.value } };
  const form = `a duration such as 56 days, ${longAgo} to ${farAhead}, an instant, or a rate with by`;
  const by = readWithin('duration', text, longAgo, farAhead, form);
  return by.ok ? { ok: true, value: { byMs: by.value } } : by;
}

const signedDuration = amount('duration', longAgo, farAhead);

/** All faults, by their name, and by its value where the keys depend on it. */
const faults: Readonly<Record<string, FaultSchema>> = {
  loss: lasting({ loss: messageShare, ...direction }, ({ loss, direction }) => {
    return { kind: 'loss', share: loss, direction };
  }),
  duplicate: lasting({ duplicate: messageShare, ...direction }, ({ duplicate, direction }) => {
    return { kind: 'duplicate', share: duplicate, direction };
  }),
  reorder: lasting({ reorder: messageShare, ...direction }, ({ reorder, direction }) => {
    return { kind: 'reorder', share: reorder, direction };
  }),
  delay: lasting(
    { delay: amount('duration', '0', '1 day'), ...direction },
    ({ delay, direction }) => ({ kind: 'delay', delayMs: delay, direction }),
  ),
  partition: lasting({ partition: only }, () => ({ kind: 'partition' })),
  'one-way': lasting({ 'one-way': oneOf('up', 'down') }, (given) => {
    return { kind: 'one-way', open: given['one-way'] };
  }),
  'half-open': lasting({ 'half-open': only }, () => ({ kind: 'half-open' })),
  bandwidth: lasting(
    { bandwidth: amount('bandwidth', '1 bit/s', '1000000 Mbit/s') },
    ({ bandwidth }) => ({ kind: 'bandwidth', bitPerS: bandwidth }),
  ),

  'broker: restart': central(
    {
      broker: v.literal('restart'),
      store: v.optional(oneOf('kept', 'lost'), 'kept'),
      ...away('5 s'),
    },
    ({ store, away }) => ({ kind: 'broker-restart', when: now, store, awayMs: away }),
  ),
  'broker: replay': central(
    { broker: v.literal('replay'), age: single('duration', '0', '3650 day') },
    ({ age }) => ({ kind: 'broker-replay', ageMs: age }),
  ),
  'broker: withhold': lasting(
    {
      broker: v.literal('withhold'),
      what: oneOf('policies', 'beacon', 'manifests', 'blocks'),
    },
    ({ what }) => ({ kind: 'broker-withhold', what }),
  ),

  'power-cut': occurring(
    {
      'power-cut': powerCutWhen,
      torn: v.optional(trueOrFalse(), 'false'),
      ...away('5 s'),
      ...aim,
    },
    ({ 'power-cut': when, torn, away }) => ({ kind: 'power-cut', when, torn, awayMs: away }),
  ),

  'bit-rot': instant({ 'bit-rot': amount('count', '1', '1000000000') }, (given) => {
    return { kind: 'bit-rot', bits: given['bit-rot'] };
  }),
  'disk-full': lasting({ 'disk-full': only }, () => ({ kind: 'disk-full' })),
  eio: lasting({ eio: only }, () => ({ kind: 'eio' })),
  'read-only': lasting({ 'read-only': only }, () => ({ kind: 'read-only' })),

  slow: lasting({ slow: amount('factor', '0.001 x', '1000000 x') }, ({ slow }) => {
    return { kind: 'slow', factor: slow };
  }),
  memory: lasting({ memory: amount('share', '0 %', '100 %') }, ({ memory }) => {
    return { kind: 'memory', share: memory };
  }),
  'worker-crash': occurring({ 'worker-crash': workerCrashWhen, ...aim }, (given) => {
    return { kind: 'worker-crash', when: given['worker-crash'] };
  }),

  'clock-skew': lasting({ 'clock-skew': signedDuration }, (given) => {
    return { kind: 'clock-skew', byMs: given['clock-skew'] };
  }),
  'clock-drift': lasting(
    { 'clock-drift': amount('drift', '-900000 ppm', '900000 ppm') },
    (given) => ({ kind: 'clock-drift', drift: given['clock-drift'] }),
  ),
  'clock-jump': instant({ 'clock-jump': jump }, (given) => {
    return { kind: 'clock-jump', when: now, to: given['clock-jump'] };
  }),
  'clock-jump: rate': occurring(
    { 'clock-jump': rate(), by: signedDuration, ...aim },
    ({ 'clock-jump': when, by }) => ({ kind: 'clock-jump', when, to: { byMs: by } }),
  ),

  'sensor: stuck': lasting({ sensor: v.literal('stuck'), ...over }, ({ over }) => {
    return { kind: 'sensor-stuck', overMs: over };
  }),
  'sensor: silent': lasting({ sensor: v.literal('silent'), ...over }, ({ over }) => {
    return { kind: 'sensor-silent', overMs: over };
  }),
  'sensor: noise': lasting(
    {
      sensor: v.literal('noise'),
      rms: v.optional(amount('number', '0', '1000000'), '0.1'),
      ...over,
    },
    ({ rms, over }) => ({ kind: 'sensor-noise', rms, overMs: over }),
  ),
  'sensor: gain': lasting(
    {
      sensor: v.literal('gain'),
      factor: v.optional(amount('factor', '0.001 x', '1000000 x'), '1.5 x'),
      ...over,
    },
    ({ factor, over }) => ({ kind: 'sensor-gain', factor, overMs: over }),
  ),
  'sensor: offset': lasting(
    {
      sensor: v.literal('offset'),
      add: v.optional(amount('number', '-1000000', '1000000'), '0.2'),
      ...over,
    },
    ({ add, over }) => ({ kind: 'sensor-offset', add, overMs: over }),
  ),

  swap: instant({ swap: only }, () => ({ kind: 'swap' })),

  'controller-kill': occurring(
    { 'controller-kill': killWhen, ...away('10 s') },
    ({ 'controller-kill': when, away }) => ({ kind: 'controller-kill', when, awayMs: away }),
  ),
  lying: lasting({ lying: oneOf('better', 'worse') }, ({ lying }) => {
    return { kind: 'lying', signs: lying };
  }),
  'stolen-key': central({ 'stolen-key': oneOf('policy', 'beacon') }, (given) => {
    return { kind: 'stolen-key', key: given['stolen-key'] };
  }),
};

const faultNames = [...new Set(Object.keys(faults).map((name) => name.replace(/:.*/, '')))];

/** The keys of a fault: a map has the name of exactly one. */
export function fault(given: Keys): FaultSchema | string {
  const [name, ...more] = faultNames.filter((each) => Object.hasOwn(given, each));
  if (name === undefined) return `must name a fault: ${faultNames.join(', ')}`;
  if (more.length > 0) return `must name one fault; it has ${[name, ...more].join(' and ')}`;
  const value = String(given[name]);
  const isRate = name === 'clock-jump' && value.includes('/');
  const schema = faults[isRate ? 'clock-jump: rate' : name] ?? faults[`${name}: ${value}`];
  if (schema !== undefined) return schema;
  const values = Object.keys(faults).flatMap((key) => /^(.*): (.*)$/.exec(key)?.slice(1) ?? []);
  const allowed = values.filter((_, i) => values[i - 1] === name);
  return `must have a ${name} that is one of ${allowed.join(', ')}`;
}
