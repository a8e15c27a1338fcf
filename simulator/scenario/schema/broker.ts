import { v } from '../../../agent/adapters/schema-library.js';
import { count, keysOf, oneOf, single } from './keys.js';

/** `broker`. */
export const broker = keysOf({
  kind: v.optional(oneOf('mosquitto-2'), 'mosquitto-2'),
  queued: v.optional(count(1, 1_000_000), '1000'),
  inflight: v.optional(count(1, 65_535), '20'),
  packet: v.optional(single('size', '1 KiB', '256 MiB')),
  mqtt: v.optional(oneOf('5', '3.1.1'), '5'),
});
