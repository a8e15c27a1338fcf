import { readSmallFile } from './small-file.js';

/** Reads a password. Editors end a file with a line break that is no part of it; blanks are. Throws what the system says. */
export function readPasswordFile(file: string): Uint8Array {
  const bytes = readSmallFile(file);
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 10 || bytes[end - 1] === 13)) end--;
  return bytes.subarray(0, end);
}
