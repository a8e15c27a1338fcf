/**
 * Where bytes of the log go. `done` is called once, later, with the number of bytes that were taken, or with an
 * error; a place that cannot take anything now says `EAGAIN` and does not wait.
 */
export type LogSink = (
  bytes: Uint8Array,
  done: (error: NodeJS.ErrnoException | null, taken: number) => void,
) => void;

export interface LineQueueOptions {
  readonly sink: LogSink;
  /** Bytes that may wait. */
  readonly limitBytes: number;
  /** The line that tells how many were dropped, without a line break. */
  readonly droppedLine: (count: number) => string;
}

/** The pause after a sink that took nothing, doubled as long as it takes nothing. */
const firstPauseMs = 20;
const longestPauseMs = 1_000;

/** What is handed to the sink at a time. */
const chunkBytes = 65_536;

/**
 * Lines on their way out, never more than a number of bytes. Whoever writes a line never waits: where there is
 * no room the line is dropped and counted, and the count is a line itself, at the place of those that are
 * missing. A sink that fails or stands still is tried again, with pauses, for ever.
 */
export class LineQueue {
  readonly #options: LineQueueOptions;
  #lines: Uint8Array[] = [];
  #waitingBytes = 0;
  #droppedLines = 0;
  #untoldLines = 0;
  #writing = false;
  #pauseMs = firstPauseMs;
  #pause: NodeJS.Timeout | undefined;
  #emptied: (() => void) | undefined;

  constructor(options: LineQueueOptions) {
    this.#options = options;
  }

  /** Lines that were dropped since the start. */
  get droppedLines(): number {
    return this.#droppedLines;
  }

  /** Takes a line without its line break. */
  write(line: string): void {
    const bytes = new TextEncoder().encode(`${line}\n`);
    if (this.#waitingBytes === 0) this.#tellDropped();
    // What was dropped is told before anything later is taken.
    if (this.#untoldLines > 0 || this.#waitingBytes + bytes.length > this.#options.limitBytes) {
      this.#droppedLines++;
      this.#untoldLines++;
      return;
    }
    this.#push(bytes);
    this.#pump();
  }

  /** Resolves when nothing waits any more, or after so many milliseconds: what waits then is lost. */
  async flush(timeoutMs: number): Promise<void> {
    if (this.#waitingBytes === 0) return;
    await new Promise<void>((resolve) => {
      const giveUp = setTimeout(resolve, timeoutMs);
      this.#emptied = () => {
        clearTimeout(giveUp);
        resolve();
      };
    });
  }

  #push(bytes: Uint8Array): void {
    this.#lines.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  #pump(): void {
    if (this.#writing || this.#pause !== undefined || this.#lines.length === 0) return;
    this.#writing = true;
    const chunk = this.#takeChunk();
    this.#options.sink(chunk, (error, taken) => {
      this.#writing = false;
      const rest = chunk.subarray(error === null ? taken : 0);
      if (rest.length > 0) this.#lines.unshift(rest);
      this.#waitingBytes -= chunk.length - rest.length;
      if (rest.length === chunk.length) {
        this.#rest();
        return;
      }
      this.#pauseMs = firstPauseMs;
      this.#tellDropped();
      if (this.#lines.length === 0) this.#emptied?.();
      this.#pump();
    });
  }

  #takeChunk(): Uint8Array {
    const taken: Uint8Array[] = [];
    let length = 0;
    for (const line of this.#lines) {
      if (length > 0 && length + line.length > chunkBytes) break;
      taken.push(line);
      length += line.length;
    }
    this.#lines = this.#lines.slice(taken.length);
    return Buffer.concat(taken);
  }

  #rest(): void {
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#pump();
    }, this.#pauseMs);
    // A log that stands still keeps no process alive.
    this.#pause.unref();
    this.#pauseMs = Math.min(longestPauseMs, 2 * this.#pauseMs);
  }

  #tellDropped(): void {
    if (this.#untoldLines === 0) return;
    this.#push(new TextEncoder().encode(`${this.#options.droppedLine(this.#untoldLines)}\n`));
    this.#untoldLines = 0;
  }
}
