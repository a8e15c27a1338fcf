import { Worker } from 'node:worker_threads';
import { refuse } from '../../../protocol/result.js';
import type { MediaAnswer, MediaForm, MediaJob } from './media-job.js';

/**
 * What the thread may take. Its heap is bounded here; what decoders keep in arrays beside it follows from the size of
 * the file and of the picture, which are checked before a decoder runs.
 */
const resourceLimits = {
  maxOldGenerationSizeMb: 192,
  maxYoungGenerationSizeMb: 16,
  stackSizeMb: 4,
};

/** The largest picture takes a slow gateway seconds; what takes longer than that hangs. */
const defaultDeadlineMs = 30_000;

/** Files that wait for their turn, and their bytes: a source that is faster than its decoder loses the latest. */
const waitingMost = 16;
const waitingBytesMost = 67_108_864;

export interface MediaDecoderOptions {
  readonly deadlineMs?: number;
  /** The file that the thread runs. */
  readonly program?: URL;
}

interface Waiting {
  readonly job: MediaJob;
  readonly settle: (answer: MediaAnswer) => void;
}

/**
 * Decodes files in a thread of its own, one after the other. A decoder that hangs, dies or takes too much memory costs its
 * own file (`decoder-late`, `decoder-gone`): the next one has a new thread.
 */
export class MediaDecoder {
  readonly #deadlineMs: number;
  readonly #program: URL;
  #worker: Worker | undefined;
  #current: Waiting | undefined;
  #queue: Waiting[] = [];
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({
    deadlineMs = defaultDeadlineMs,
    program = new URL('./media-worker.js', import.meta.url),
  }: MediaDecoderOptions = {}) {
    this.#deadlineMs = deadlineMs;
    this.#program = program;
  }

  /**
   * Decodes one file; answers come in the order of the files. Refuses also with `decoder-behind` where too many wait. The
   * bytes are copied, and the values are the caller's.
   */
  decode(bytes: Uint8Array, form: MediaForm): Promise<MediaAnswer> {
    if (this.#closed) return Promise.resolve(refuse('decoder-gone', 'the source was closed'));
    if (
      this.#queue.length >= waitingMost ||
      (this.#queue.length > 0 && this.#waitingBytes + bytes.length > waitingBytesMost)
    ) {
      return this.#refuseInTurn();
    }
    return new Promise((settle) => {
      this.#waitingBytes += bytes.length;
      // A copy of its own: the buffer of a message may hold others, and all of it would go along.
      this.#queue.push({ job: { bytes: Uint8Array.from(bytes), form }, settle });
      this.#next();
    });
  }

  /** Ends the thread, whatever it is doing. What waits is refused. */
  async close(): Promise<void> {
    this.#closed = true;
    const gone = refuse('decoder-gone', 'the source was closed');
    const waiting = this.#queue;
    this.#queue = [];
    const worker = this.#replace(gone);
    for (const { settle } of waiting) settle(gone);
    await worker?.terminate();
  }

  /** Behind those that wait, so that a refusal does not come before the files that came first. */
  #refuseInTurn(): Promise<MediaAnswer> {
    const behind = refuse('decoder-behind', `${this.#queue.length} files wait already`);
    const last = this.#queue.at(-1);
    if (last === undefined) return Promise.resolve(behind);
    return new Promise((resolve) => {
      const { settle } = last;
      const both: Waiting = {
        job: last.job,
        settle: (answer) => {
          settle(answer);
          resolve(behind);
        },
      };
      this.#queue[this.#queue.length - 1] = both;
    });
  }

  #next(): void {
    if (this.#current !== undefined) return;
    const next = this.#queue.shift();
    if (next === undefined) return;
    this.#waitingBytes -= next.job.bytes.length;
    this.#current = next;
    try {
      this.#worker ??= this.#start();
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.#finish(refuse('decoder-gone', detail));
      return;
    }
    this.#timer = setTimeout(() => {
      // An endless loop hears nothing: only ending the thread stops it.
      const late = refuse('decoder-late', `no answer within ${this.#deadlineMs} ms`);
      void this.#replace(late)?.terminate();
    }, this.#deadlineMs);
    this.#worker.postMessage(next.job, [next.job.bytes.buffer as ArrayBuffer]);
  }

  #start(): Worker {
    const worker = new Worker(this.#program, {
      resourceLimits,
      // A decoder has nothing to say on the agent's own streams.
      stdout: true,
      stderr: true,
    });
    const isCurrent = (): boolean => this.#worker === worker;
    worker.on('message', (answer: MediaAnswer) => {
      if (isCurrent()) this.#finish(answer);
    });
    worker.on('error', (error: Error) => {
      if (isCurrent()) this.#replace(refuse('decoder-gone', error.message));
    });
    worker.on('exit', (code) => {
      if (isCurrent()) this.#replace(refuse('decoder-gone', `its thread ended with code ${code}`));
    });
    return worker;
  }

  /** Gives up the thread; the next file starts another. Gives back the one that was. */
  #replace(answer: MediaAnswer): Worker | undefined {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#finish(answer);
    return worker;
  }

  #finish(answer: MediaAnswer): void {
    clearTimeout(this.#timer);
    const current = this.#current;
    this.#current = undefined;
    current?.settle(answer);
    this.#next();
  }
}
