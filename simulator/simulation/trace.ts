import { createHash } from 'node:crypto';

/**
 * One thing that happened, as a line of the log: what it was, when, and to whom.
 *
 * @param atMs since the beginning of the run
 */
export function lineOf(
  atMs: number,
  did: string,
  device: string | undefined,
  details: Readonly<Record<string, string | number>>,
): string {
  // Thousandths of a millisecond are exact enough for whoever reads it.
  const at = { atMs: Math.round(atMs * 1_000) / 1_000 };
  const event = device === undefined ? { ...at, did } : { ...at, device, did };
  // One text, and none that remembers the parts it was put together from: many are kept.
  return JSON.stringify(Object.assign(event, details));
}

/**
 * The log of a run, one JSON object a line. Its SHA-256 stands for the run: the same version, file and seed give the
 * same one. Wall time and the machine are never in it.
 */
export class Trace {
  readonly #hash = createHash('sha256');
  readonly #write: ((line: string) => void) | undefined;
  /** Lines that are not hashed yet: many small updates take longer than one. */
  #lines: string[] = [];
  #count = 0;

  /** @param write called with each line, where somebody wants to read them */
  constructor(write?: (line: string) => void) {
    this.#write = write;
  }

  /** How many events were logged. */
  get count(): number {
    return this.#count;
  }

  add(line: string): void {
    this.#count++;
    this.#write?.(`${line}\n`);
    if (this.#lines.push(line) >= linesTogether) this.#flush();
  }

  /** The SHA-256 of all lines, in hexadecimal. Nothing can be added afterwards. */
  digest(): string {
    this.#flush();
    return this.#hash.digest('hex');
  }

  #flush(): void {
    if (this.#lines.length > 0) this.#hash.update(`${this.#lines.join('\n')}\n`);
    this.#lines = [];
  }
}

const linesTogether = 256;
