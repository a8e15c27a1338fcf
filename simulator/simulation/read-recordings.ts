import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { decodeMedia } from '../../agent/adapters/media/decode-media.js';
import type { MediaKind } from '../../agent/adapters/media/media-job.js';
import type { SampleForm } from '../../agent/ports/sensor.js';
import { parseCsv } from '../../operator/field/csv.js';
import { CodedError } from '../../protocol/coded-error.js';
import type { Recording, Recordings } from '../devices/recorded-source.js';
import { Prng } from '../prng.js';
import type { Sensor } from '../scenario/scenario.js';
import { tonePattern } from '../signals/tone-pattern.js';

type Recorded = Exclude<Sensor, { kind: 'vibration' }>;

/** Reads what a sensor plays, in the form that the releases take. Throws `scenario-invalid` with the file that is wrong. */
export function readRecordings(sensor: Recorded, form: SampleForm): Recordings {
  switch (sensor.kind) {
    case 'csv':
      return readTable(sensor);
    case 'wav':
    case 'pictures':
      return readFolder(sensor, form);
    case 'audio': {
      // The same tones in every run: models can be trained on them.
      const chance = Prng.fromSeed(0);
      const all = sensor.classes.map((label, i) => tonePattern(label, i, chance));
      const { classes } = sensor;
      return { channels: 1, all: some(all, 'audio'), classes, startFrame: undefined };
    }
  }
}

function readTable(sensor: Extract<Recorded, { kind: 'csv' }>): Recordings {
  const { file, labelColumn, startRow } = sensor;
  const [header, ...rows] = parseCsv(new TextDecoder().decode(readBytes(file))) ?? [];
  if (header === undefined || rows.length === 0) throw invalid(`${file} has no header and rows`);
  const place = (name: string): number => {
    const at = header.indexOf(name);
    if (at < 0) throw invalid(`${file} has no column ${name}; there are ${header.join(', ')}`);
    return at;
  };
  const labelAt = labelColumn === undefined ? undefined : place(labelColumn);
  const columns =
    sensor.columns?.map(place) ?? header.flatMap((_, i) => (i === labelAt ? [] : [i]));
  const values = new Float32Array(rows.length * columns.length);
  for (const [i, row] of rows.entries()) {
    for (const [k, at] of columns.entries()) {
      const cell = row[at] ?? '';
      const value = cell.trim() === '' ? NaN : Math.fround(Number(cell));
      if (!Number.isFinite(value)) {
        const where = `${file}, row ${i + 1} below the header, column ${header[at] ?? at + 1}`;
        throw invalid(`${where}: ${JSON.stringify(cell)} is no number`);
      }
      values[i * columns.length + k] = value;
    }
  }
  const labels = labelAt === undefined ? [] : rows.map((row) => row[labelAt]);
  const recording: Recording = { values, labelOf: (frame) => labels[frame] };
  const startFrame = startRow === 'drawn' ? undefined : startRow - 1;
  const classes = namesOf(labels);
  return { channels: columns.length, all: [recording], classes, startFrame };
}

const kinds: Readonly<Record<string, MediaKind>> = {
  '.wav': 'wav',
  '.bmp': 'bmp',
  '.png': 'png',
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
};

function readFolder(
  { kind, folder, label }: Extract<Recorded, { kind: 'wav' | 'pictures' }>,
  form: SampleForm,
): Recordings {
  const all = filesBelow(folder).flatMap((file): Recording[] => {
    const decode = kinds[path.extname(file).toLowerCase()];
    if (decode === undefined || (decode === 'wav') !== (kind === 'wav')) return [];
    const decoded = decodeMedia(readBytes(file), { ...form, decode });
    if (!decoded.ok) throw invalid(`${file}: ${decoded.rejection.detail}`);
    const name = labelOf(file, label);
    return [{ values: decoded.value.values, labelOf: () => name }];
  });
  const classes = namesOf(all.map(({ labelOf: of }) => of(0)));
  return { channels: form.channels, all: some(all, folder), classes, startFrame: 0 };
}

function namesOf(labels: readonly (string | undefined)[]): string[] {
  return [...new Set(labels.flatMap((label) => label ?? []))];
}

/** All files of a folder and its subfolders, by name: the order of a file system is nobody's promise. */
function filesBelow(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true });
  return names
    .filter((each) => each.isFile())
    .map((each) => path.join(each.parentPath, each.name))
    .sort();
}

function labelOf(file: string, label: 'folder' | 'name' | undefined): string | undefined {
  if (label === 'folder') return path.basename(path.dirname(file));
  return label === 'name' ? path.basename(file).split('_', 1)[0] : undefined;
}

function readBytes(file: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(file));
  } catch (error) {
    throw invalid(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function some(all: readonly Recording[], what: string): Recordings['all'] {
  const [first, ...others] = all;
  if (first === undefined) throw invalid(`${what} has no file that the sensor plays`);
  return [first, ...others];
}

function invalid(detail: string): CodedError {
  return new CodedError('scenario-invalid', `sensor: ${detail}`);
}
