import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { CodedError } from '../../protocol/coded-error.js';

/** A file of a recording has at most so many bytes. */
const fileBytesMost = 64 * 1_048_576;
const filesMost = 20_000;

/** A file of a folder of clips. */
export interface ClipFile {
  readonly file: string;
  /** Below the folder, for people. */
  readonly name: string;
  /** The subfolder that it lies in; undefined where it lies in none. */
  readonly subfolder: string | undefined;
}

/** Reads a file of at most 64 MiB. Throws `scenario-invalid`. */
export function readSensorFile(file: string): Uint8Array {
  try {
    const { size } = statSync(file);
    if (size > fileBytesMost) throw invalid(`${file} has ${size} bytes; ${fileBytesMost} are read`);
    return new Uint8Array(readFileSync(file));
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw invalid(`${file} cannot be read: ${error instanceof Error ? error.message : ''}`);
  }
}

/**
 * The files of a folder and of its subfolders, one level deep, in the order of their names. Hidden files are left out. Throws
 * `scenario-invalid` where there is none, or too many.
 *
 * @param ending of the files that are meant
 */
export function listClipFiles(folder: string, ending: RegExp): readonly ClipFile[] {
  const files: ClipFile[] = [];
  const add = (inside: string, subfolder: string | undefined): void => {
    for (const name of namesIn(inside)) {
      const file = path.join(inside, name);
      const isFolder = statSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
      // A link to a folder may lead round.
      if (isFolder && subfolder === undefined && !lstatSync(file).isSymbolicLink()) add(file, name);
      if (isFolder || !ending.test(name)) continue;
      const shown = subfolder === undefined ? name : `${subfolder}/${name}`;
      files.push({ file, name: shown, subfolder });
      if (files.length > filesMost) throw invalid(`${folder} has more than ${filesMost} files`);
    }
  };
  add(folder, undefined);
  if (files.length === 0)
    throw invalid(`${folder} has no file whose name ends in ${ending.source.slice(2, -1)}`);
  return files;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .sort((a, b) => (a < b ? -1 : 1));
  } catch (error) {
    throw invalid(`${folder} cannot be read: ${error instanceof Error ? error.message : ''}`);
  }
}

function invalid(detail: string): CodedError {
  return new CodedError('scenario-invalid', detail);
}
