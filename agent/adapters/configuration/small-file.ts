import { closeSync, openSync, readSync } from 'node:fs';

/** Configurations, passwords, keysets and certificates are small. */
const smallFileBytes = 1_048_576;

/** Reads a file that must be small; what has no end is not read to it. Throws what the system says. */
export function readSmallFile(file: string): Uint8Array {
  const descriptor = openSync(file, 'r');
  try {
    const bytes = new Uint8Array(smallFileBytes + 1);
    let length = 0;
    while (length < bytes.length) {
      const read = readSync(descriptor, bytes, length, bytes.length - length, null);
      if (read === 0) return bytes.slice(0, length);
      length += read;
    }
    throw new Error(`it has more than ${smallFileBytes} bytes`);
  } finally {
    closeSync(descriptor);
  }
}
