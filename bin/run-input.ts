import { MediaDecoder } from '../agent/adapters/media/media-decoder.js';
import type { MediaKind } from '../agent/adapters/media/media-job.js';
import type { SampleForm } from '../agent/ports/sensor.js';
import { parseCsv } from '../operator/field/csv.js';
import { CodedError, expectOk } from '../protocol/coded-error.js';
import { readNamedFile } from './files.js';

/** The samples of a file, as a release takes them. */
export interface Samples {
  /** Frame after frame. */
  readonly values: Float32Array;
  /** A picture is one window, or none. */
  readonly isPicture: boolean;
}

const signatures: readonly (readonly [kind: MediaKind, first: readonly number[]])[] = [
  ['wav', [0x52, 0x49, 0x46, 0x46]],
  ['png', [0x89, 0x50, 0x4e, 0x47]],
  ['jpeg', [0xff, 0xd8, 0xff]],
  ['bmp', [0x42, 0x4d]],
];

/**
 * Reads samples from a file. What it is, its first bytes say and not its name; only numbers in text have no other sign than
 * `.csv`. Throws what is wrong with it.
 */
export async function readInput(file: string, form: SampleForm): Promise<Samples> {
  const bytes = readNamedFile(file);
  const kind = signatures.find(([, first]) => first.every((byte, i) => bytes[i] === byte))?.[0];
  switch (kind) {
    case 'wav':
      return { values: await decodeFile(bytes, { ...form, decode: kind }), isPicture: false };
    case 'bmp':
    case 'png':
    case 'jpeg':
      return { values: await decodeFile(bytes, { ...form, decode: kind }), isPicture: true };
    case undefined:
      if (/\.csv$/i.test(file)) {
        return { values: readRows(file, bytes, form.channels), isPicture: false };
      }
      throw new CodedError(
        'sample-invalid',
        `${file} is no WAV, PNG, JPEG or BMP, and no .csv file`,
      );
  }
}

async function decodeFile(
  bytes: Uint8Array,
  form: Parameters<MediaDecoder['decode']>[1],
): Promise<Float32Array> {
  const decoder = new MediaDecoder();
  try {
    return expectOk(await decoder.decode(bytes, form)).values;
  } finally {
    await decoder.close();
  }
}

/** Numbers in text: a row is a frame, or several whole ones. A first row with other text names the columns. */
function readRows(file: string, bytes: Uint8Array, channels: number): Float32Array {
  const rows = parseCsv(new TextDecoder().decode(bytes));
  if (rows === undefined) throw new CodedError('sample-invalid', `${file}: a quote has no end`);
  const numbers = rows.map((row) => row.map(toNumber));
  const names = numbers[0]?.some(Number.isNaN) === true ? 1 : 0;
  const values: number[] = [];
  for (const [i, row] of numbers.slice(names).entries()) {
    const where = `${file}, row ${i + 1 + names}`;
    const wrong = row.findIndex((value) => !Number.isFinite(Math.fround(value)));
    if (wrong >= 0) {
      const cell = JSON.stringify(rows[i + names]?.[wrong]);
      throw new CodedError('sample-invalid', `${where}: ${cell} is no number`);
    }
    if (row.length % channels !== 0) {
      throw new CodedError(
        'source-mismatch',
        `${where}: ${row.length} numbers are no whole frames of ${channels} channels`,
      );
    }
    for (const value of row) values.push(value);
  }
  if (values.length === 0) throw new CodedError('sample-invalid', `${file} has no numbers`);
  return Float32Array.from(values);
}

function toNumber(cell: string): number {
  return cell.trim() === '' ? NaN : Number(cell);
}
