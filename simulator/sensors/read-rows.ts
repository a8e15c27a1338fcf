import { parseCsv } from '../../operator/field/csv.js';
import { CodedError } from '../../protocol/coded-error.js';
import type { Recording } from './recording.js';
import { readSensorFile } from './sensor-files.js';

/**
 * Reads a recording from comma-separated values: a header line, then a row for each frame. Throws `scenario-invalid` with file,
 * row and column. Rows count from 1, the first below the header.
 *
 * @param columns the channels in order; undefined: all columns but the label's
 * @param labelColumn the column with what is true of a frame; an empty cell says that nobody knows
 */
export function readRows(
  file: string,
  columns: readonly string[] | undefined,
  labelColumn: string | undefined,
): Recording {
  const invalid = (detail: string): CodedError =>
    new CodedError('scenario-invalid', `${file} ${detail}`);
  const [header, ...rows] = tableOf(file, invalid);
  if (header === undefined || rows.length === 0) throw invalid('has no row below a header line');
  const placeOf = (name: string): number => {
    const at = header.indexOf(name);
    if (at < 0) throw invalid(`has no column ${name}; it has ${shown(header)}`);
    if (header.lastIndexOf(name) !== at) throw invalid(`has two columns ${name}`);
    return at;
  };
  const labelAt = labelColumn === undefined ? undefined : placeOf(labelColumn);
  const channels =
    columns === undefined
      ? header.map((_, i) => i).filter((i) => i !== labelAt)
      : columns.map(placeOf);
  if (channels.length === 0) throw invalid('has no column besides the label');
  const values = new Float32Array(rows.length * channels.length);
  let at = 0;
  const truths = rows.map((row, i): string | undefined => {
    if (row.length !== header.length)
      throw invalid(`row ${i + 1}: it has ${row.length} cells, the header has ${header.length}`);
    for (const channel of channels) {
      const cell = row[channel] ?? '';
      const value = cell.trim() === '' ? NaN : Math.fround(Number(cell));
      if (!Number.isFinite(value))
        throw invalid(
          `row ${i + 1}: column ${header[channel] ?? ''} has ${JSON.stringify(cell.slice(0, 40))}, which is no number`,
        );
      values[at++] = value;
    }
    const truth = labelAt === undefined ? '' : row[labelAt];
    return truth === '' ? undefined : truth;
  });
  return { channels: channels.length, values, truths };
}

function tableOf(
  file: string,
  invalid: (detail: string) => CodedError,
): readonly (readonly string[])[] {
  let text;
  try {
    // The mark that some programs put before the text is left out by the decoder.
    text = new TextDecoder('utf-8', { fatal: true }).decode(readSensorFile(file));
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw invalid('is not UTF-8');
  }
  const rows = parseCsv(text);
  if (rows === undefined) throw invalid('has a quote without an end');
  return rows;
}

function shown(header: readonly string[]): string {
  return header.slice(0, 20).join(', ') + (header.length > 20 ? ', …' : '');
}
