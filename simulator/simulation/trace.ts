import { createHash } from 'node:crypto';

/** One thing that happened, as it is written down: what it was, when, and to whom. */
export interface TraceEvent {
  readonly atMs: number;
  readonly device?: string;
  readonly did: string;
  readonly [detail: string]: string | number | boolean | undefined;
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

  add(event: TraceEvent): void {
    const line = `${JSON.stringify(event)}\n`;
    this.#count++;
    this.#write?.(line);
    if (this.#lines.push(line) >= linesTogether) this.#flush();
  }

  /** The SHA-256 of all lines, in hexadecimal. Nothing can be added afterwards. */
  digest(): string {
    this.#flush();
    return this.#hash.digest('hex');
  }

  #flush(): void {
    this.#hash.update(this.#lines.join(''));
    this.#lines = [];
  }
}

const linesTogether = 256;
