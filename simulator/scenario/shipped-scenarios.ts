import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CodedError } from '../../protocol/coded-error.js';

/** A scenario that comes with tinylamp. */
export interface ShippedScenario {
  readonly name: string;
  readonly file: string;
  /** What it is about, in one line: the first line of its file. */
  readonly summary: string;
}

/** All scenarios that come with tinylamp, in alphabetical order. */
export function shippedScenarios(): readonly ShippedScenario[] {
  const folder = path.dirname(fileURLToPath(import.meta.resolve('#scenarios/first-install.yaml')));
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => {
      const file = path.join(folder, name);
      const [first = ''] = readFileSync(file, 'utf8').split('\n', 1);
      return { name: path.basename(name, '.yaml'), file, summary: first.replace(/^# */, '') };
    });
}

/**
 * The file of a scenario: what is given, or the shipped one of that name. A name has neither a dot nor a slash in it. Throws
 * `file-unreadable` where there is neither.
 */
export function scenarioFileOf(given: string): string {
  if (!/^[a-z0-9-]+$/.test(given)) return given;
  const all = shippedScenarios();
  const file = all.find(({ name }) => name === given)?.file;
  if (file !== undefined || existsSync(given)) return file ?? given;
  const names = all.map(({ name }) => name).join(', ');
  throw new CodedError(
    'file-unreadable',
    `there is no file ${given}, and no shipped scenario of that name: ${names}`,
  );
}
