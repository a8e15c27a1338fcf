import type { Arguments } from './command.js';

/** A whole number within bounds, of an option that may be left out; undefined where it is. Throws `usage-invalid`. */
export function optionalNumber(
  given: Arguments,
  name: string,
  least: number,
  most: number,
): number | undefined {
  return given.number(name) === undefined ? undefined : given.wholeNumber(name, least, most);
}
