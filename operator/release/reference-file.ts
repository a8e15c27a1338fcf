import { CodedError } from '../../protocol/coded-error.js';

/**
 * What the builder of a model knows of its answers on reference data: a release carries it, signed, so that
 * answers in the field can be compared with it where nobody knows the truth.
 */
export interface ReferenceStatistics {
  /** Windows of the reference data. */
  readonly windows: number;
  /** Answers by label. */
  readonly answers: Readonly<Record<string, number>>;
  /** Answers by tenths of the score. */
  readonly confidence: readonly number[];
}

/** A reference is small: labels and counts. */
const referenceBytes = 65_536;

const bins = 10;

/**
 * Reads reference statistics from JSON: `{"windows", "answers": {label: count}, "confidence_histogram": [10
 * counts]}`; what else is there is for people. Throws `reference-file-invalid`, naming the key.
 */
export function parseReferenceFile(bytes: Uint8Array): ReferenceStatistics {
  if (bytes.length > referenceBytes)
    throw invalid('the file', `has more than ${referenceBytes} bytes`);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw invalid('the file', `is not JSON: ${error instanceof Error ? error.message : ''}`);
  }
  if (!isObject(json)) throw invalid('the file', 'must be an object');
  const windows = count(json['windows'], 'windows');
  const answers = json['answers'];
  if (!isObject(answers)) throw invalid('answers', 'must be counts by label');
  const labels = Object.entries(answers).map(
    ([label, value]) => [label, count(value, `answers.${label}`)] as const,
  );
  const histogram: unknown = json['confidence_histogram'];
  if (!Array.isArray(histogram) || histogram.length !== bins) {
    throw invalid('confidence_histogram', `must be ${bins} counts`);
  }
  const confidence = histogram.map((value, i) => count(value, `confidence_histogram[${i}]`));
  const sum = (counts: readonly number[]): number =>
    counts.reduce((total, each) => total + each, 0);
  if (
    windows === 0 ||
    sum(labels.map(([, value]) => value)) > windows ||
    sum(confidence) > windows
  ) {
    throw invalid('windows', 'must be as many as all answers, and more than none');
  }
  return { windows, answers: Object.fromEntries(labels), confidence };
}

function count(value: unknown, path: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(path, 'must be a whole number');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(path: string, what: string): CodedError {
  return new CodedError('reference-file-invalid', `${path} ${what}`);
}
