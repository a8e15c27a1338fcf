import { v } from '../../../agent/adapters/schema-library.js';
import type { SwarmFault, SwarmKind } from '../scenario.js';
import { amount, keysOf, rate } from './keys.js';

const share = () => amount('share', '0 %', '100 %');

/** What is drawn for each fault of a search. */
const values = {
  loss: share(),
  duplicate: share(),
  reorder: share(),
  delay: amount('duration', '0', '1 day'),
  partition: share(),
  'power-cut': rate(),
  'disk-full': share(),
  eio: share(),
  'bit-rot': share(),
  slow: amount('factor', '0.001 x', '1000000 x'),
  'clock-skew': amount('duration', '-36500 day', '36500 day'),
  'clock-jump': rate(),
  'broker-restart': rate('all'),
} as const satisfies Record<SwarmKind, v.GenericSchema>;

/** `swarm`. */
export const swarm = v.pipe(
  keysOf(optionals(values)),
  v.transform((given) =>
    (Object.keys(given) as SwarmKind[]).flatMap((kind): SwarmFault[] => {
      const value = given[kind];
      return value === undefined ? [] : [{ kind, value }];
    }),
  ),
);

function optionals<T extends Readonly<Record<string, v.GenericSchema>>>(entries: T) {
  return Object.fromEntries(
    Object.entries(entries).map(([key, schema]) => [key, v.optional(schema)]),
  ) as unknown as { readonly [K in keyof T]: v.OptionalSchema<T[K], undefined> };
}
