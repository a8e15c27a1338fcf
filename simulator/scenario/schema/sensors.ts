import { v } from '../../../agent/adapters/schema-library.js';
import type { Result } from '../../../protocol/result.js';
import { conditions } from '../../signals/condition.js';
import { environments } from '../../signals/environment.js';
import { readAmount } from '../values.js';
import { invalid, keysOf, listOf, oneOf, rate, readBy, single, text, type Keys } from './keys.js';

const mostColumns = 1_024;
const mostClasses = 256;

/** Shares that sum up to everything; those that are left out are nothing. */
const mix = v.pipe(
  keysOf({
    normal: v.optional(single('share', '0 %', '100 %'), '0'),
    imbalance: v.optional(single('share', '0 %', '100 %'), '0'),
    'bearing-fault': v.optional(single('share', '0 %', '100 %'), '0'),
    looseness: v.optional(single('share', '0 %', '100 %'), '0'),
  }),
  v.check(
    (shares) => Math.abs(conditions.reduce((sum, each) => sum + shares[each], 0) - 1) < 1e-9,
    'must have shares that sum up to 100 %',
  ),
);

const evenMix = Object.fromEntries(
  conditions.map((each) => [each, `${100 / conditions.length} %`]),
);

const vibration = keysOf({
  kind: v.literal('vibration'),
  environment: v.optional(
    oneOf(...(Object.keys(environments) as (keyof typeof environments)[])),
    'field',
  ),
  mix: v.optional(mix, evenMix),
  changes: v.optional(rate('device'), '0/device/day'),
});

const labelColumn = v.pipe(
  text(),
  v.regex(/^column:./u, 'must be column:NAME'),
  v.transform((label) => label.slice('column:'.length)),
);

const startRow = readBy((given): Result<number | 'drawn'> => {
  if (given === 'drawn') return { ok: true, value: given };
  const row = typeof given === 'string' ? readAmount('count', given) : undefined;
  return row?.ok === true && typeof row.value === 'number' && row.value >= 1
    ? { ok: true, value: row.value }
    : invalid('must be drawn, or the number of a row, 1 the first below the header');
});

/** Each name once. */
function distinct(most: number) {
  return v.pipe(
    listOf(text(), 1, most),
    v.check((names) => new Set(names).size === names.length, 'must have each name once'),
  );
}

const csv = keysOf({
  kind: v.literal('csv'),
  file: text(),
  columns: v.optional(distinct(mostColumns)),
  label: v.optional(labelColumn),
  start: v.optional(startRow, 'drawn'),
});

const wav = keysOf({
  kind: v.literal('wav'),
  folder: text(),
  label: v.optional(oneOf('folder', 'name')),
});

const pictures = keysOf({
  kind: v.literal('pictures'),
  folder: text(),
  label: v.optional(oneOf('folder', 'name')),
});

const audio = keysOf({ kind: v.literal('audio'), classes: distinct(mostClasses) });

const sensors = { vibration, csv, wav, pictures, audio };

/** The keys of a sensor, by its kind. */
export function sensor({ kind }: Keys): (typeof sensors)[keyof typeof sensors] | string {
  return typeof kind === 'string' && Object.hasOwn(sensors, kind)
    ? sensors[kind as keyof typeof sensors]
    : `must have a kind that is one of ${Object.keys(sensors).join(', ')}`;
}
