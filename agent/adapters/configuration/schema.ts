import { v } from '../schema-library.js';
import { CodedError } from '../../../protocol/coded-error.js';
import { isTimezone } from '../schedule/local-time.js';
import { deviceIdPattern, slotPattern } from '../../../protocol/topics.js';

/**
 * The configuration file of an agent as one table: every key, its type, what is allowed, its default and its
 * meaning. Keys that are not here are refused. `docs/configuration.md` is made from it by `npm run docs`.
 */

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

/** Errors and the page of the documentation say what is allowed in the same words. */
const allowed = <T>(what: string) => v.metadata<T, { readonly allowed: string }>({ allowed: what });

function bytes(most: number, meaning: string) {
  return wholeNumber(1, most, meaning);
}

function wholeNumber(least: number, most: number, meaning: string) {
  const what = `a whole number, ${least} to ${most}`;
  const message = `must be ${what}`;
  return v.pipe(
    v.number(message),
    v.integer(message),
    v.minValue(least, message),
    v.maxValue(most, message),
    allowed(what),
    v.description(meaning),
  );
}

function matching(pattern: RegExp, what: string, meaning: string) {
  const message = `must be ${what}`;
  return v.pipe(
    v.string(message),
    v.regex(pattern, message),
    allowed(what),
    v.description(meaning),
  );
}

/** A file name or a text for others, which is not ours to judge. */
function text(meaning: string) {
  return matching(/^[^\p{Cc}\p{Cs}]{1,1024}$/u, 'a text of 1 to 1024 characters', meaning);
}

function choice<const T extends readonly string[]>(
  values: T,
  meaning: string,
  later: readonly string[] = [],
) {
  const what = values.join(', ');
  return v.pipe(
    v.picklist(values, ({ input }) =>
      later.includes(String(input))
        ? `is not supported yet; allowed now: ${what}`
        : `must be one of ${what}`,
    ),
    allowed(what),
    v.description(meaning),
  );
}

function timezone(meaning: string) {
  const what = 'the name of a time zone, such as UTC or Europe/Berlin';
  const message = `must be ${what}`;
  return v.pipe(
    v.string(message),
    v.check(isTimezone, message),
    allowed(what),
    v.description(meaning),
  );
}

/**
 * Control characters and lone surrogates end the session at many brokers (MQTT 5, 1.5.4). What begins with `$` is the
 * broker's own (MQTT 5, 4.7.2), or no topic at all: messages of `$share/…` come on other topics.
 */
function topic(meaning: string) {
  return matching(
    /^(?!\$)[^+#\p{Cc}\p{Cs}]{1,1024}$/u,
    'one exact topic, without + and #, and not beginning with $, of 1 to 1024 characters',
    meaning,
  );
}

function section<const T extends v.ObjectEntries>(entries: T, meaning: string) {
  return v.pipe(v.strictObject(entries, 'must be a map of keys'), v.description(meaning));
}

/** A map with names of our owner's choice. */
function map<const T extends v.GenericSchema>(names: v.GenericSchema<string, string>, values: T) {
  return v.pipe(
    v.custom<Record<string, v.InferInput<T>>>(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      'must be a map',
    ),
    v.record(names, values),
  );
}

const urlForm = 'mqtt://HOST:PORT or mqtts://HOST:PORT';
const brokerUrl = v.pipe(
  v.string(`must be ${urlForm}`),
  v.maxLength(1024, `must be ${urlForm}`),
  v.regex(/^mqtts?:\/\/[^/?#@\s\p{Cc}]+\/?$/u, `must be ${urlForm}, without anything else`),
  v.check((url) => URL.canParse(url) && new URL(url).port !== '0', `must be ${urlForm}`),
);

const decoding = {
  decode: choice(
    ['raw', 'json', 'bmp', 'png', 'jpeg', 'wav'],
    'How a message becomes samples: little-endian elements, JSON, a picture, or uncompressed sound on the scale of 16 bits.',
    ['cbor'],
  ),
  fields: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string('must be a JSON Pointer such as /x'),
          v.regex(/^(\/([^~]|~[01]){0,256})?$/, 'must be a JSON Pointer such as /x'),
        ),
        'must be a list of JSON Pointers',
      ),
      v.minLength(1, 'must name at least one field'),
      v.maxLength(64, 'must name at most 64 fields'),
      allowed('a list of 1 to 64 JSON Pointers (RFC 6901)'),
      v.description(
        'With `decode: json`, and only there: where the values of a frame are, one pointer for each channel, or one at an array.',
      ),
    ),
  ),
  pixels: v.optional(
    choice(
      ['auto', 'unsigned', 'signed'],
      'With `decode: bmp`, and only there: how the bytes of grey pictures are read; `auto`, which looks at each picture, where it is left out.',
    ),
  ),
  maxBytes: v.optional(
    wholeNumber(
      1024,
      64 * mebibyte,
      'The largest message, line or picture that is read; larger ones are skipped and reported.',
    ),
    4 * mebibyte,
  ),
  element: v.optional(
    choice(
      ['int8', 'uint8', 'int16', 'int32', 'float32'],
      'With `decode: raw`, and only there: the type of the elements; `float32` where it is left out.',
    ),
  ),
};

/** Of sources that give samples as they are measured. A file is read as fast as it is taken. */
const timing = {
  gapMs: v.optional(
    wholeNumber(
      1,
      86_400_000,
      'A window is not made of samples that are longer apart: what was gathered before is given up. With `mqtt` three times `limits.periodMs` where it is left out, with `stdin` no limit.',
    ),
  ),
};

const silence =
  'A source that says nothing for so long is reported with `source-silent`, and with `source-resumed` when it speaks again.';

const sourceTypes = {
  mqtt: v.strictObject({
    type: v.literal('mqtt'),
    topic: topic('The topic that the samples come on.'),
    ...decoding,
    ...timing,
    silentAfterMs: v.optional(wholeNumber(1, 604_800_000, silence), 60_000),
  }),
  stdin: v.strictObject({ type: v.literal('stdin'), ...decoding, ...timing }),
  file: v.strictObject({
    type: v.literal('file'),
    path: text('The file that the samples are in.'),
    ...decoding,
  }),
};

const source = v.pipe(
  v.variant('type', [sourceTypes.mqtt, sourceTypes.stdin, sourceTypes.file], ({ input }) =>
    input === 'vitals'
      ? 'is not supported yet; allowed now: mqtt, stdin, file'
      : 'must be one of mqtt, stdin, file',
  ),
  v.check(
    ({ decode, fields }) => (decode === 'json') === (fields !== undefined),
    'takes fields with decode json, and only with it',
  ),
  v.check(
    ({ decode, element }) => decode === 'raw' || element === undefined,
    'takes element only with decode raw',
  ),
  v.check(
    ({ decode, pixels }) => decode === 'bmp' || pixels === undefined,
    'takes pixels only with decode bmp',
  ),
  v.description(
    'Where the samples come from: `mqtt` (a topic), `stdin` or `file` (once, to its end). Standard input serves one slot.',
  ),
);

const scaleForm = 'two numbers, the lower one first';

const drift = section(
  {
    cycleMs: wholeNumber(
      60_000,
      2_678_400_000,
      'One whole cycle of the plant: a shift, a day, a week. What is normal is learned over it; over less, the rest of the cycle would be an alarm.',
    ),
    action: v.optional(
      choice(
        ['report', 'hold'],
        'What an alarm does: `report` tells it and marks the evidence of the slot; with `hold` a rollout serves nobody anew either.',
      ),
      'report',
    ),
    scale: v.optional(
      v.pipe(
        v.array(v.number(`must be ${scaleForm}`), `must be ${scaleForm}`),
        v.check(
          ([low = 0, high = 0, ...more]) => more.length === 0 && low < high,
          `must be ${scaleForm}`,
        ),
        allowed(scaleForm),
        v.description(
          'Where the scale of the sensor ends, in the units of the samples, such as `[-8, 8]`. For `element` int8, uint8 and int16 the ends of the type where it is left out; else that number is not watched.',
        ),
      ),
    ),
    toleratedAlarms: v.optional(
      wholeNumber(
        1,
        1_000,
        'So many false alarms of the whole fleet in 30 days are put up with. The size of the fleet is that of the signed policy.',
      ),
      1,
    ),
    commission: v.optional(
      wholeNumber(
        1,
        1_000_000,
        'Raise it, and the device learns anew what is normal: after a repair, or where a change is to stay.',
      ),
      1,
    ),
  },
  'Watches whether the input of the slot is as it was in one whole cycle on this device; nothing is watched where it is left out.',
);

const slot = section(
  {
    source,
    sink: v.optional(
      section(
        {
          type: choice(['mqtt'], 'Where results go.'),
          topic: v.optional(
            topic(
              'The topic of the results; `<prefix>/devices/<deviceId>/results/<slot>` by default.',
            ),
          ),
          encode: v.optional(choice(['json', 'cbor'], 'The form of the results.'), 'json'),
        },
        'Where results go.',
      ),
      { type: 'mqtt' },
    ),
    factory: v.optional(
      text(
        'A release file of `tinylamp release build` on this device: what serves where no committed release can be loaded. It is verified like any other, and replaced as soon as the release that the policy names is installed.',
      ),
    ),
    truth: v.optional(
      section(
        {
          type: choice(['mqtt'], 'Where true labels come from.'),
          topic: topic(
            'The topic of messages such as `{"boot": 3, "window": 12, "label": "normal"}`: the true label of a window, by boot and window of its result. With `"slot"` beside them it is for that slot only.',
          ),
        },
        'Where the true labels of windows come from, if somebody finds out: they tell which of two models is better.',
      ),
    ),
    drift: v.optional(drift),
    capture: v.optional(
      section(
        {
          bytesPerDay: v.optional(
            wholeNumber(
              0,
              1024 * mebibyte,
              'What may be written in a day. 0 keeps nothing, and removes at the next start what is there.',
            ),
            0,
          ),
        },
        'The samples of windows on which two releases differ, for training. They are kept on the device, seven days of the budget at most, and sent only where a signed command asks for them.',
      ),
    ),
    limits: v.optional(
      section(
        {
          arenaBytes: v.optional(
            bytes(256 * mebibyte, 'Memory for the activations of all models of a release.'),
            256 * kibibyte,
          ),
          imageBytes: v.optional(
            bytes(64 * mebibyte, 'Storage for the files of a release.'),
            mebibyte,
          ),
          periodMs: v.optional(
            wholeNumber(
              1,
              86_400_000,
              'Time between two windows: an inference may take that long. A release on trial has half of it, so that the champion can answer in its place.',
            ),
            1000,
          ),
        },
        'What a release may take on this device; larger ones are refused.',
      ),
      {},
    ),
  },
  'One job of this gateway: samples in, results out.',
);

export const configurationSchema = v.strictObject(
  {
    deviceId: v.optional(
      matching(
        deviceIdPattern,
        'a text of A-Z a-z 0-9 _ -, at most 64 characters',
        'The name of this device in topics, and its client id; the host name by default.',
      ),
    ),
    labels: v.optional(
      v.pipe(
        map(
          v.pipe(
            v.string(),
            v.regex(/^[A-Za-z0-9_-]{1,32}$/, 'must have a name of A-Z a-z 0-9 _ -, at most 32'),
          ),
          v.pipe(
            v.string('must be a text'),
            v.maxLength(64, 'must be a text of at most 64 characters'),
          ),
        ),
        v.maxEntries(32, 'must be at most 32'),
        allowed('a map of at most 32 texts'),
        v.description(
          'What is true of this device, for releases that are meant for some: site, class, …',
        ),
      ),
      {},
    ),
    stateDir: text('The folder of what must survive a restart; one for each agent.'),
    mqtt: section(
      {
        url: v.pipe(
          v.union(
            [
              v.pipe(
                brokerUrl,
                v.transform((url) => [url]),
              ),
              v.pipe(
                v.array(brokerUrl),
                v.minLength(1, 'must have at least one address'),
                v.maxLength(8, 'must have at most 8 addresses'),
              ),
            ],
            `must be ${urlForm}, or a list of 1 to 8 of them`,
          ),
          allowed(`${urlForm}, or a list of 1 to 8 of them`),
          v.description('The broker; of several the next is tried where one does not answer.'),
        ),
        protocol: v.optional(
          v.pipe(
            v.union([v.string(), v.number()], 'must be one of auto, 5, 3.1.1'),
            v.transform(String),
            choice(
              ['auto', '5', '3.1.1'],
              'The version of MQTT; `auto` begins with 5 and falls back to 3.1.1.',
            ),
            allowed('auto, 5, 3.1.1'),
          ),
          'auto',
        ),
        prefix: v.optional(
          matching(
            /^[A-Za-z0-9_.-]{1,32}(\/[A-Za-z0-9_.-]{1,32}){0,3}$/,
            '1 to 4 topic levels of A-Z a-z 0-9 _ . -, at most 32 characters each',
            'What all topics of tinylamp begin with.',
          ),
          'tinylamp',
        ),
        username: v.optional(text('The name that the broker knows this device by.')),
        passwordFile: v.optional(
          text('The file with the password; a line break at its end is no part of it.'),
        ),
        tls: v.optional(
          section(
            {
              ca: v.optional(
                text(
                  'PEM file: who may have signed the certificate of the broker; the authorities that Node.js knows by default.',
                ),
              ),
              cert: v.optional(text('PEM file: the certificate of this device, with `key`.')),
              key: v.optional(text('PEM file: the private key to `cert`.')),
            },
            'For addresses that begin with `mqtts://`.',
          ),
        ),
      },
      'The broker and how it is reached.',
    ),
    trust: section(
      {
        keyset: text(
          'The first keyset, as `tinylamp keys new` wrote it: the only root of trust, never taken from the broker.',
        ),
      },
      'Whose releases are believed.',
    ),
    slots: v.pipe(
      map(
        v.pipe(
          v.string(),
          v.regex(slotPattern, 'must have a name of a-z 0-9 _ -, at most 32 characters'),
        ),
        slot,
      ),
      v.minEntries(1, 'must name at least one slot'),
      v.maxEntries(16, 'must name at most 16 slots'),
      v.description(
        'The jobs of this gateway by name (a-z 0-9 _ -, at most 32 characters), 1 to 16 of them.',
      ),
    ),
    telemetry: v.optional(
      section(
        {
          schedule: v.optional(
            text(
              'When measurements of the device are sent: a cron expression of five or six fields. Each device sends them later by a share of the period that follows from its id, at most a quarter of an hour.',
            ),
            '* * * * *',
          ),
          timezone: v.optional(timezone('The time zone of the schedule.'), 'UTC'),
          encode: v.optional(
            choice(
              ['cbor', 'json'],
              'The form of the measurements: SenML-CBOR or SenML-JSON (RFC 8428).',
            ),
            'cbor',
          ),
        },
        'Measurements of the device itself.',
      ),
      {},
    ),
    limits: v.optional(
      section(
        {
          storageBytes: v.optional(
            bytes(2 ** 40, 'What all releases of this device may take in stateDir.'),
            64 * mebibyte,
          ),
          spoolBytes: v.optional(
            bytes(
              2 ** 32,
              'Memory for messages that wait for the broker; beyond it the oldest are dropped.',
            ),
            8 * mebibyte,
          ),
        },
        'What the agent may take of this machine.',
      ),
      {},
    ),
    engine: v.optional(
      section(
        {
          compact: v.optional(
            v.pipe(
              v.boolean('must be true or false'),
              allowed('true, false'),
              v.description(
                '`true` packs no weights: a model takes half the memory or less, and many times the time.',
              ),
            ),
            false,
          ),
          workers: v.optional(
            choice(
              ['own', 'shared'],
              '`own` has a thread for each model. `shared` has one for the models of all committed releases, which saves about 7 MB for each beyond the first; they answer one after the other, and where one ends the thread, the others answer late. A release that is tested, compared or on trial has a thread of its own all the same, and so has a model that keeps state or has failed since the start.',
            ),
            'own',
          ),
        },
        'How models are run.',
      ),
      {},
    ),
    log: v.optional(
      section(
        {
          level: v.optional(
            choice(
              ['error', 'warn', 'info', 'debug'],
              'What the log leaves out: all that matters less.',
            ),
            'info',
          ),
        },
        'The log on standard error: lines for people on a terminal, JSON otherwise.',
      ),
      {},
    ),
    production: v.optional(
      v.pipe(
        v.boolean('must be true or false'),
        allowed('true, false'),
        v.description('`true` refuses what is only convenient: plain `mqtt://`.'),
      ),
      false,
    ),
  },
  'must be a map of keys',
);

/** The file's content, with defaults in place of what was left out. */
export type ConfigurationFile = v.InferOutput<typeof configurationSchema>;

/** Where the samples of a slot come from. */
export type SourceConfiguration = ConfigurationFile['slots'][string]['source'];

/** A file with hundreds of mistakes is another kind of file. */
const mistakesShown = 10;

/**
 * Checks a parsed file against the table. Throws `configuration-invalid` with a line for each mistake, which
 * names key, value and what is allowed.
 */
export function checkConfiguration(value: unknown): ConfigurationFile {
  const inherited = findInheritedName(value, '');
  if (inherited !== undefined) {
    throw new CodedError('configuration-invalid', `${inherited} is no key that is known here`);
  }
  const parsed = v.safeParse(configurationSchema, value, { abortPipeEarly: true });
  if (parsed.success) return parsed.output;
  const mistakes = parsed.issues.slice(0, mistakesShown).map(explain);
  const more = parsed.issues.length - mistakes.length;
  if (more > 0) mistakes.push(`and ${more} more`);
  throw new CodedError('configuration-invalid', mistakes.join('\n'));
}

function explain(issue: v.BaseIssue<unknown>): string {
  const key = v.getDotPath(issue) ?? 'the file';
  // strictObject reports a missing key and an unknown one alike, told apart by what was expected.
  if (issue.expected === 'never') return `${key} is no key that is known here`;
  if (issue.input === undefined) return `${key} is missing`;
  return `${key} ${issue.message}; it is ${show(issue.input)}`;
}

/** The value as it was given, short, without a password that an address might hold. */
function show(value: unknown): string {
  const given = JSON.stringify(value) ?? 'nothing';
  const harmless = given.replace(/\/\/[^"@]*@/g, '//…@');
  return harmless.length > 80 ? `${harmless.slice(0, 80)}…` : harmless;
}

/** Names that every object has, such as `constructor`: they would pass for known keys. */
function findInheritedName(value: unknown, at: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const key = at === '' ? name : `${at}.${name}`;
    if (name in Object.prototype) return key;
    const found = findInheritedName(inner, key);
    if (found !== undefined) return found;
  }
  return undefined;
}
