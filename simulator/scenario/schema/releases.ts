import { v } from '../../../agent/adapters/schema-library.js';
import { limits } from '../../../protocol/limits.js';
import { everyDevice } from '../selector.js';
import { keysOf, listOf, namesOf, oneOf, selector, single, text } from './keys.js';

/** One model, or a chain of them. */
const models = v.lazy((given) => (Array.isArray(given) ? chain : alone));
const chain = listOf(text(), 1, limits.models);
const alone = v.pipe(
  text(),
  v.transform((model) => [model]),
);

const behaves = v.pipe(
  keysOf({
    wrong: v.optional(single('share', '0 %', '100 %'), '0'),
    'wrong-when-serving': v.optional(single('share', '0 %', '100 %'), '0'),
    slow: v.optional(single('factor', '0.001 x', '1000000 x'), '1 x'),
    trap: v.optional(single('share', '0 %', '100 %'), '0'),
    hang: v.optional(single('share', '0 %', '100 %'), '0'),
    where: v.optional(selector()),
  }),
  v.transform(({ 'wrong-when-serving': wrongWhenServing, where, ...rest }) => ({
    ...rest,
    wrongWhenServing,
    where: where ?? everyDevice,
  })),
);

const release = keysOf({
  model: models,
  labels: v.optional(text()),
  pipeline: v.optional(text()),
  reference: v.optional(text()),
  damage: v.optional(oneOf('block', 'manifest', 'self-test', 'stranger')),
  behaves: v.optional(behaves),
});

/** `releases`. */
export const releases = namesOf(release);
