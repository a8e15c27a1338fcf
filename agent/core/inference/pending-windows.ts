import type { Resize } from '../../../protocol/documents/pipeline.js';
import { limits } from '../../../protocol/limits.js';
import type { Instant } from '../effect.js';
import type { WindowPlace } from './window.js';

/** A window that is complete. */
export interface CompletedWindow {
  /** Counted from 1 since the start of the device. */
  readonly number: number;
  /** When it was complete. */
  readonly at: Instant;
  readonly place: WindowPlace;
}

export interface PendingWindow extends CompletedWindow {
  readonly values: Float32Array;
  /** What the picture became, where it was resized. */
  readonly resize?: Resize | undefined;
  /** Until when it may wait where many do, by the monotonic clock. */
  readonly untilMs: number;
}

/** What a window takes beside its values: those of one value are many. */
const overheadBytes = 256;

/**
 * Windows that wait for their answer, the oldest first. What they take of memory is bounded, and so is how long
 * they wait where there are more than a few, but not their number: the windows of one message come at the same
 * time, and are no backlog yet.
 */
export class PendingWindows {
  #windows: PendingWindow[] = [];
  /** Those before it are taken: moving up the rest each time would cost more than the answers. */
  #head = 0;
  #bytes = 0;

  get length(): number {
    return this.#windows.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** When the oldest was complete, by the monotonic clock; undefined where none waits. */
  get oldestMs(): number | undefined {
    return this.#windows[this.#head]?.at.monotonicMs;
  }

  /** Adds the latest window. What no longer fits beside it is dropped, from the oldest on. */
  add(window: PendingWindow, dropped: (window: CompletedWindow) => void): void {
    const bytes = bytesOf(window);
    while (this.#bytes + bytes > limits.pendingBytes) {
      const oldest = this.take();
      if (oldest === undefined) break;
      dropped(oldest);
    }
    this.#windows.push(window);
    this.#bytes += bytes;
  }

  /** Drops the oldest that have waited too long, as long as more than a few wait. */
  dropLate(monotonicMs: number, dropped: (window: CompletedWindow) => void): void {
    while (this.length > limits.pendingFew) {
      const oldest = this.#windows[this.#head];
      if (oldest === undefined || oldest.untilMs >= monotonicMs) break;
      this.take();
      dropped(oldest);
    }
  }

  /** Takes the oldest. */
  take(): PendingWindow | undefined {
    const oldest = this.#windows[this.#head];
    if (oldest === undefined) return undefined;
    this.#head++;
    this.#bytes -= bytesOf(oldest);
    if (2 * this.#head > this.#windows.length) {
      this.#windows = this.#windows.slice(this.#head);
      this.#head = 0;
    }
    return oldest;
  }
}

function bytesOf({ values }: PendingWindow): number {
  return overheadBytes + values.byteLength;
}
