import { v } from '../../../agent/adapters/schema-library.js';
import { amount, keysOf, oneOf, single } from './keys.js';

/** `labels`. */
export const labels = keysOf({
  share: v.optional(single('share', '0 %', '100 %'), '100 %'),
  of: v.optional(oneOf('windows', 'disagreements'), 'windows'),
  delay: v.optional(amount('duration', '0', '3650 day'), '0'),
  wrong: v.optional(single('share', '0 %', '100 %'), '0'),
});
