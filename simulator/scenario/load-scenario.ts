import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSmallFile } from '../../agent/adapters/configuration/small-file.js';
import { CodedError } from '../../protocol/coded-error.js';
import { accept, refuse, type Result } from '../../protocol/result.js';
import { parseScenario } from './parse-scenario.js';
import type { Scenario } from './scenario.js';
import type { Overrides } from './surroundings.js';

/**
 * Reads a scenario file of at most 1 MiB. Files in it are named relative to its folder, and must be there. Throws
 * `file-unreadable` or `scenario-invalid`.
 *
 * @param boards the names of the shipped boards
 */
export function loadScenario(
  file: string,
  boards: readonly string[],
  overrides: Overrides = {},
): Scenario {
  return loadScenarioText(readScenarioText(file), path.dirname(file), boards, overrides);
}

/** The text of a scenario file. Throws `file-unreadable` or `scenario-invalid`. */
export function readScenarioText(file: string): string {
  return decode(read(file), file);
}

/** The same as `loadScenario` for a text, with files that are named relative to a folder. */
export function loadScenarioText(
  text: string,
  folder: string,
  boards: readonly string[],
  overrides: Overrides = {},
): Scenario {
  return parseScenario(
    text,
    {
      locate: (name, kind) => locate(path.resolve(folder, name), kind),
      demoFile: (name) => fileURLToPath(import.meta.resolve(`#demo-models/${name}`)),
      boards,
    },
    overrides,
  );
}

function read(file: string): Uint8Array {
  try {
    return readSmallFile(file);
  } catch (error) {
    // What the system says has a code of its own; else the file is too large.
    const isOfSystem = error instanceof Error && 'code' in error;
    const code = isOfSystem ? 'file-unreadable' : 'scenario-invalid';
    throw new CodedError(code, `${file}: ${messageOf(error)}`);
  }
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CodedError('scenario-invalid', `${file} is not UTF-8`);
  }
}

function locate(whole: string, kind: 'file' | 'folder'): Result<string> {
  try {
    accessSync(whole, constants.R_OK);
    const found = statSync(whole);
    if (kind === 'file' ? found.isFile() : found.isDirectory()) return accept(whole);
    return refuse('scenario-invalid', `must name a ${kind}; ${whole} is none`);
  } catch (error) {
    return refuse('scenario-invalid', `must name a ${kind} that can be read: ${messageOf(error)}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
