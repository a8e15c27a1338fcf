import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSmallFile } from '../../agent/adapters/configuration/small-file.js';
import { CodedError } from '../../protocol/coded-error.js';
import type { Board } from './board.js';
import { parseBoard } from './board-file.js';

/** The names of the boards that come with tinylamp, in alphabetical order. */
export function shippedBoardNames(): readonly string[] {
  const folder = path.dirname(fileOf('pi4'));
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => path.basename(file, '.yaml'))
    .sort();
}

/** A board that comes with tinylamp. Throws `board-invalid` where there is none of that name. */
export function shippedBoard(name: string): Board {
  return parseBoard(shippedBoardText(name), name);
}

/** Its file. Throws as {@link shippedBoard} does. */
export function shippedBoardText(name: string): string {
  const names = shippedBoardNames();
  if (names.includes(name)) return readFileSync(fileOf(name), 'utf8');
  throw new CodedError('board-invalid', `there is no board ${name}; there are ${names.join(', ')}`);
}

/** The board of a file. Throws `file-unreadable` or `board-invalid`. */
export function loadBoard(file: string): Board {
  let bytes: Uint8Array;
  try {
    bytes = readSmallFile(file);
  } catch (error) {
    throw new CodedError('file-unreadable', error instanceof Error ? error.message : String(error));
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CodedError('board-invalid', `${file} is not UTF-8`);
  }
  return parseBoard(text, file);
}

function fileOf(name: string): string {
  return fileURLToPath(import.meta.resolve(`#boards/${name}.yaml`));
}
