import { v } from '../../../agent/adapters/schema-library.js';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import { readSelector } from '../selector.js';
import {
  boundsOf,
  formOf,
  readAmount,
  readRate,
  type Amount,
  type Quantity,
  type Rate,
} from '../values.js';

/**
 * What the tables of keys are made of. In the file each scalar is a text; what it says depends on its key. Messages go on
 * behind the key: `must be …`.
 */

/** A map of these keys. */
export function keysOf<const T extends v.ObjectEntries>(entries: T) {
  const names = Object.keys(entries).join(', ');
  return v.pipe(
    v.custom<object>(isMap, `must be a map of the keys ${names}`),
    v.strictObject(entries, ({ expected }) =>
      expected === 'never' ? `is no key that is known here; there are ${names}` : 'is missing',
    ),
  );
}

/** A map with names of the writer's choice. */
export function namesOf<const T extends v.GenericSchema>(values: T) {
  return v.pipe(
    v.custom<object>(isMap, 'must be a map of names'),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      for (const [key, value] of Object.entries(dataset.value)) {
        if (isName(key)) continue;
        const { value: input } = dataset;
        addIssue({
          message: `must have ${nameForm} as its key`,
          input: key,
          path: [{ type: 'object', origin: 'key', input: { ...input }, key, value }],
        });
      }
    }),
    v.record(v.string(), values),
  );
}

export function listOf<const T extends v.GenericSchema>(values: T, least: number, most: number) {
  // The length comes first: what is too long is not gone through.
  return v.pipe(
    v.custom<readonly unknown[]>(
      (given) => Array.isArray(given) && given.length >= least && given.length <= most,
      `must be a list of ${least} to ${most}`,
    ),
    v.array(values),
  );
}

/** Whatever `read` makes of the value, or the issue that it refuses it with. */
export function readBy<T>(read: (given: unknown) => Result<T>) {
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, T>(({ dataset, addIssue, NEVER }) => {
      const result = read(dataset.value);
      if (result.ok) return result.value;
      addIssue({ message: result.rejection.detail });
      return NEVER;
    }),
  );
}

function readTextBy<T>(form: string, read: (text: string) => Result<T>) {
  return readBy((given) => (typeof given === 'string' ? read(given) : invalid(`must be ${form}`)));
}

/** A value with its unit, or a range of values; both ends are bounds. */
export function amount(quantity: Quantity, least: string, most: string) {
  const form = formWithin(quantity, least, most, ', or a range a..b');
  return readTextBy(form, (text) => readWithin(quantity, text, least, most, form));
}

/** A value with its unit, from `least` to `most`. */
export function single(quantity: Quantity, least: string, most: string) {
  const form = formWithin(quantity, least, most);
  return readTextBy<number>(form, (text) => {
    const read = readWithin(quantity, text, least, most, form);
    if (!read.ok) return read;
    return typeof read.value === 'number' ? accept(read.value) : invalid(`must be ${form}`);
  });
}

/** A whole number, without a unit. */
export function count(least: number, most: number) {
  return single('count', String(least), String(most));
}

function formWithin(quantity: Quantity, least: string, most: string, more = ''): string {
  return `${formOf(quantity)}, ${least} to ${most}${more}`;
}

/** An amount with both ends from `least` to `most`. `form` says what is allowed. */
export function readWithin(
  quantity: Quantity,
  text: string,
  least: string,
  most: string,
  form: string,
): Result<Amount> {
  const read = readAmount(quantity, text);
  if (!read.ok) return invalid(text.includes('..') ? read.rejection.detail : `must be ${form}`);
  const [low, high] = boundsOf(read.value);
  const isWithin = low >= boundOf(quantity, least) && high <= boundOf(quantity, most);
  return isWithin ? read : invalid(`must be ${form}`);
}

function boundOf(quantity: Quantity, text: string): number {
  const read = readAmount(quantity, text);
  if (read.ok && typeof read.value === 'number') return read.value;
  throw new Error(`${text} is no ${quantity}`);
}

const rateForms = {
  all: 'a rate such as 200/s',
  device: 'a rate of each device such as 1/device/day',
  either: formOf('rate'),
};

/** How often: of all together, of each device, or either. */
export function rate(per: keyof typeof rateForms = 'either') {
  return readTextBy(rateForms[per], (text) => {
    const often = readOften(text);
    if (!often.ok) return often;
    const isMeant =
      per === 'either' || often.value.per === per || boundsOf(often.value.perMs)[1] === 0;
    return isMeant ? often : invalid(`must be ${rateForms[per]}`);
  });
}

/** A rate that can be: not negative, and not beyond what a run could hold. */
export function readOften(text: string): Result<Rate> {
  const often = readRate(text);
  if (!often.ok) return often;
  const [low, high] = boundsOf(often.value.perMs);
  return low >= 0 && high <= mostPerMs ? often : invalid(`must be ${rateForms.either}`);
}

const mostPerMs = 1_000;

export function oneOf<const T extends readonly string[]>(...values: T) {
  return v.picklist(values, `must be ${values.length > 1 ? 'one of ' : ''}${values.join(', ')}`);
}

export function trueOrFalse() {
  return v.pipe(
    oneOf('true', 'false'),
    v.transform((text) => text === 'true'),
  );
}

/** Names of the writer's choice. */
export function name() {
  return v.pipe(
    v.string(`must be ${nameForm}`),
    v.check((text) => isName(text), `must be ${nameForm}`),
  );
}

const nameForm = 'a name of a-z, 0-9 and -, which begins with a letter and has at most 32';

/** Names that every object has are no names: they would be lost in maps. */
function isName(text: string): boolean {
  return /^[a-z][a-z0-9-]{0,31}$/.test(text) && !(text in Object.prototype) && text !== 'prototype';
}

/** The name of a file, a column or a class, which others judge. */
export function text() {
  const form = 'must be a text of 1 to 1024 characters';
  return v.pipe(v.string(form), v.regex(/^[^\p{Cc}\p{Cs}]{1,1024}$/u, form));
}

export function selector() {
  return readTextBy('a selector such as site = hall-1', readSelector);
}

const instantForm = 'an instant such as 2026-01-01T00:00:00Z';

/** Milliseconds since the epoch. */
export function instant() {
  return readTextBy(instantForm, readInstant);
}

export function readInstant(text: string): Result<number> {
  const wallMs = instantPattern.test(text) ? Date.parse(text) : NaN;
  // Days that no month has are taken for those of the next one.
  const isReal =
    !Number.isNaN(wallMs) && new Date(wallMs).toISOString().startsWith(text.slice(0, 16));
  return isReal ? accept(wallMs) : invalid(`must be ${instantForm}`);
}

const instantPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?Z$/;

/** A schema that follows from the value, where no single key tells which. */
export function chosen<const T extends v.GenericSchema>(choose: (given: Keys) => T | string) {
  return v.lazy((given): T => {
    if (!isMap(given)) return refusing('must be a map of keys');
    const schema = choose(given as Keys);
    return typeof schema === 'string' ? refusing(schema) : schema;
  });

  function refusing(message: string): T {
    // What it would give is never seen.
    return readBy(() => invalid(message)) as v.GenericSchema as T;
  }
}

export type Keys = Readonly<Record<string, unknown>>;

function isMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Refuses a value in words that go on behind its key. */
export function invalid(detail: string): Result<never> {
  return refuse('scenario-invalid', detail);
}
