import { codes, type Area, type Code } from '../protocol/codes.js';
import type { ExitCode } from './command.js';

const exitCodes: Readonly<Record<Area, ExitCode>> = {
  usage: 2,
  configuration: 2,
  transport: 3,
  document: 4,
  update: 4,
  engine: 1,
  input: 1,
  storage: 1,
};

/** The exit code of the command line for a refusal (design, section 9). */
export function exitCodeOf(code: Code): ExitCode {
  return exitCodes[codes[code].area];
}
