import * as v from 'valibot';
import { CodedError } from '../../core/coded-error.js';
import { deviceIdPattern, slotPattern } from '../../core/topics.js';

/**
 * The configuration file of an agent as one table: every key, its type, what is allowed, its default.
 * Keys that are not here are refused. `docs/configuration.md` explains them.
 */

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

const bytes = (most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(1, 'must be at least 1'), v.maxValue(most));
const text = v.pipe(v.string(), v.minLength(1), v.maxLength(1024));
const brokerUrl = v.pipe(
  text,
  v.regex(/^mqtts?:\/\/[^/?#@\s]+\/?$/, 'must be mqtt://HOST:PORT or mqtts://HOST:PORT'),
);
const topic = v.pipe(text, v.regex(/^[^+#\0]+$/, 'must be one exact topic, without + and #'));

const decode = v.picklist(['raw', 'json', 'bmp'], (issue) => {
  const later = ['cbor', 'wav', 'png', 'jpeg'].includes(String(issue.input));
  return `${later ? 'is not supported yet' : 'is unknown'}; allowed: raw, json, bmp`;
});

const decoding = {
  decode,
  /** JSON Pointers (RFC 6901) to the channels of a frame; for `json`. */
  fields: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.regex(/^(\/.*)?$/, 'must be a JSON Pointer such as /x'))),
      v.minLength(1),
      v.maxLength(64),
    ),
  ),
  /** The type of little-endian elements; for `raw`. */
  element: v.optional(v.picklist(['int8', 'uint8', 'int16', 'int32', 'float32']), 'float32'),
  /** How the bytes of grey pictures are read; for `bmp`. */
  pixels: v.optional(v.picklist(['auto', 'unsigned', 'signed'])),
};

const source = v.variant(
  'type',
  [
    v.strictObject({ type: v.literal('mqtt'), topic, ...decoding }),
    v.strictObject({ type: v.literal('stdin'), ...decoding }),
    v.strictObject({ type: v.literal('file'), path: text, ...decoding }),
  ],
  'is unknown or not supported yet; allowed: mqtt, stdin, file',
);

const slot = v.strictObject({
  source: v.pipe(
    source,
    v.check(
      ({ decode: how, fields }) => (how === 'json') === (fields !== undefined),
      'takes fields with decode json, and only with it',
    ),
  ),
  sink: v.optional(
    v.strictObject({
      type: v.literal('mqtt'),
      topic: v.optional(topic),
      encode: v.optional(v.picklist(['json', 'cbor']), 'json'),
    }),
    { type: 'mqtt' },
  ),
  limits: v.optional(
    v.strictObject({
      arenaBytes: v.optional(bytes(256 * mebibyte), 256 * kibibyte),
      imageBytes: v.optional(bytes(64 * mebibyte), mebibyte),
      periodMs: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(86_400_000)), 1000),
    }),
    {},
  ),
});

export const configurationSchema = v.strictObject({
  deviceId: v.optional(
    v.pipe(v.string(), v.regex(deviceIdPattern, 'must match A-Z a-z 0-9 _ -, at most 64')),
  ),
  labels: v.optional(
    v.record(
      v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,32}$/)),
      v.pipe(v.string(), v.maxLength(64)),
    ),
    {},
  ),
  stateDir: text,
  mqtt: v.strictObject({
    url: v.union(
      [
        v.pipe(
          brokerUrl,
          v.transform((url) => [url]),
        ),
        v.pipe(v.array(brokerUrl), v.minLength(1), v.maxLength(8)),
      ],
      'must be mqtt://HOST:PORT or mqtts://HOST:PORT, or a list of them',
    ),
    protocol: v.optional(
      v.pipe(
        v.union([v.string(), v.number()]),
        v.transform(String),
        v.picklist(['auto', '5', '3.1.1']),
      ),
      'auto',
    ),
    prefix: v.optional(
      v.pipe(v.string(), v.regex(/^[A-Za-z0-9_.-]{1,32}(\/[A-Za-z0-9_.-]{1,32}){0,3}$/)),
      'tinylamp',
    ),
    username: v.optional(text),
    passwordFile: v.optional(text),
    tls: v.optional(
      v.strictObject({ ca: v.optional(text), cert: v.optional(text), key: v.optional(text) }),
    ),
  }),
  trust: v.strictObject({ keyset: text }),
  slots: v.pipe(
    v.record(v.pipe(v.string(), v.regex(slotPattern, 'must match a-z 0-9 _ -, at most 32')), slot),
    v.minEntries(1, 'must name at least one slot'),
    v.maxEntries(16),
  ),
  telemetry: v.optional(v.strictObject({ schedule: v.optional(text, '* * * * *') }), {}),
  limits: v.optional(
    v.strictObject({
      storageBytes: v.optional(bytes(2 ** 40), 64 * mebibyte),
      spoolBytes: v.optional(bytes(2 ** 32), 8 * mebibyte),
    }),
    {},
  ),
  production: v.optional(v.boolean(), false),
});

/** The file's content, with defaults in place of what was left out. */
export type ConfigurationFile = v.InferOutput<typeof configurationSchema>;

/** Where the samples of a slot come from. */
export type SourceConfiguration = ConfigurationFile['slots'][string]['source'];

/** Checks a parsed file against the table. Throws `configuration-invalid` naming key, value and what is allowed. */
export function checkConfiguration(value: unknown): ConfigurationFile {
  const parsed = v.safeParse(configurationSchema, value, { abortPipeEarly: true });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const key = v.getDotPath(issue) ?? 'the file';
  throw new CodedError('configuration-invalid', `${key} ${explain(issue)}`);
}

function explain(issue: v.BaseIssue<unknown>): string {
  const given = JSON.stringify(issue.input)?.slice(0, 80) ?? 'nothing';
  // strictObject reports a missing key and an unknown one alike, told apart by what was expected.
  if (issue.expected === 'never') return 'is no key that is known here';
  if (issue.input === undefined) return 'is missing';
  const own = issue.message.startsWith('Invalid')
    ? `must be ${issue.expected ?? 'something else'}`
    : issue.message;
  return `${own}; it is ${given}`;
}
