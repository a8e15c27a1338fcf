import { v } from '../../agent/adapters/schema-library.js';
import { CodedError } from '../../protocol/coded-error.js';

/** What boards took for models. Other keys, such as where it is from, say nothing to us. */
export interface LatenciesFile {
  /** By the name of the entry, then by that of the model, in milliseconds. */
  readonly boards: Readonly<
    Record<string, { readonly latency_ms: Readonly<Record<string, number>> }>
  >;
  /** The file of each model, relative to this one. */
  readonly models: Readonly<Record<string, string>>;
}

const text = v.pipe(
  v.string('must be a text'),
  v.regex(/^[^\p{Cc}\p{Cs}]{1,1024}$/u, 'must be a text of 1 to 1024 characters'),
);
const latency = v.pipe(
  v.number(allowedLatency()),
  v.gtValue(0, allowedLatency()),
  v.maxValue(1e9, allowedLatency()),
);

const latenciesFile = v.looseObject(
  {
    boards: v.pipe(
      mapOf(
        v.looseObject({ latency_ms: mapOf(latency) }, ({ expected }) =>
          expected === 'Object' ? 'must be a map with latency_ms' : 'is missing',
        ),
      ),
      v.check((boards) => Object.keys(boards).length > 0, 'must have at least one board'),
    ),
    models: mapOf(text),
  },
  ({ expected }) => (expected === 'Object' ? 'must be a map of boards and models' : 'is missing'),
);

/** Reads a file of latencies. Throws `latencies-invalid`, naming the key and what is allowed. */
export function parseLatencies(bytes: Uint8Array): LatenciesFile {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new CodedError('latencies-invalid', `it is no JSON: ${String(error)}`);
  }
  const parsed = v.safeParse(latenciesFile, value, { abortEarly: true });
  if (parsed.success) return parsed.output;
  const [{ path = [], message }] = parsed.issues;
  // What a terminal would obey is shown as a question mark.
  const key = path.map(({ key }) => String(key).replace(/\p{C}/gu, '?')).join('.');
  throw new CodedError('latencies-invalid', `${key === '' ? 'the file' : key} ${message}`);
}

function mapOf<const T extends v.GenericSchema>(values: T) {
  return v.record(v.string(), values, ({ received }) =>
    received === 'undefined' ? 'is missing' : 'must be a map of names',
  );
}

function allowedLatency(): string {
  return 'must be a number of milliseconds above 0, at most 1000000000';
}
