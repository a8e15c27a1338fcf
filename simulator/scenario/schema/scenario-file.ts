import { v } from '../../../agent/adapters/schema-library.js';
import { slotPattern } from '../../../protocol/topics.js';
import { readExpectation } from '../expectation.js';
import { broker } from './broker.js';
import { fleet, mostDevices } from './fleet.js';
import { count, instant, keysOf, listOf, name, oneOf, readBy, single } from './keys.js';
import { labels } from './labels.js';
import { releases } from './releases.js';
import { swarm } from './swarm.js';
import { timeline } from './timeline.js';

const mostExpectations = 1_000;

const slot = v.pipe(
  v.string('must be a slot name of a-z, 0-9, _ and -, at most 32'),
  v.regex(slotPattern, 'must be a slot name of a-z, 0-9, _ and -, at most 32'),
);

const deviceId = v.pipe(
  v.string('must be an id such as sim-00001'),
  v.regex(/^sim-\d{5,7}$/, 'must be an id such as sim-00001'),
);

const off = v.pipe(
  oneOf('off'),
  v.transform(() => undefined),
);
const telemetry = v.lazy((given) => (given === 'off' ? off : single('duration', '1 s', '30 day')));

/** Every key of a scenario file. What it gives is checked key by key; what needs several keys comes later. */
export const scenarioFile = keysOf({
  name: name(),
  seed: v.optional(count(0, Number.MAX_SAFE_INTEGER), '1'),
  duration: single('duration', '1 ms', '3650 day'),
  slot: v.optional(slot, 'vibration'),
  start: v.optional(instant(), '2026-01-01T00:00:00Z'),
  period: v.optional(single('duration', '1 ms', '30 day'), '60 s'),
  report: v.optional(single('duration', '1 s', '30 day'), '60 s'),
  telemetry: v.optional(telemetry, '60 s'),
  fleet,
  only: v.optional(listOf(deviceId, 1, mostDevices)),
  labels: v.optional(labels),
  broker: v.optional(broker, {}),
  releases,
  timeline: v.optional(timeline, []),
  swarm: v.optional(swarm, {}),
  expect: v.optional(listOf(readBy(readExpectation), 0, mostExpectations), []),
});

export type ScenarioFile = v.InferOutput<typeof scenarioFile>;
