import { v } from '../../../agent/adapters/schema-library.js';
import { linkNames } from '../links.js';
import { amount, chosen, count, keysOf, listOf, name, oneOf, text } from './keys.js';
import { sensor } from './sensors.js';

/** Of all groups together. */
export const mostDevices = 1_000_000;
const mostGroups = 1_000;

const ownLink = v.pipe(
  keysOf({
    up: v.optional(amount('bandwidth', '1 bit/s', '1000000 Mbit/s')),
    down: v.optional(amount('bandwidth', '1 bit/s', '1000000 Mbit/s')),
    latency: v.optional(amount('duration', '20 ms', '1 day'), '20 ms'),
    loss: v.optional(amount('share', '0 %', '100 %'), '0'),
  }),
  v.transform((own) => ({ kind: 'own' as const, ...own })),
);

const namedLink = v.pipe(
  oneOf(...linkNames),
  v.transform((named) => ({ kind: 'named' as const, name: named })),
);

/** `link`: a name, or what a link of its own is like. */
const link = v.lazy((given) => (typeof given === 'object' ? ownLink : namedLink));

const group = keysOf({
  count: count(1, mostDevices),
  name: v.optional(name()),
  profile: v.optional(text(), 'pi4'),
  site: v.optional(name(), 'site-1'),
  link: v.optional(link),
  sensor: chosen(sensor),
});

/** `fleet`. */
export const fleet = listOf(group, 1, mostGroups);
