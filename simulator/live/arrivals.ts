import { LogSketch } from '../../protocol/statistics/log-sketch.js';
import type { MessageKind } from '../simulation/traffic.js';

/** Milliseconds from a hundredth to an hour, to two per cent. */
export const arrivalShape = { relativeError: 0.02, least: 0.01, most: 3_600_000 } as const;

/** What became of messages of one kind. */
export interface KindOfArrival {
  /** Handed to the transports. */
  published: number;
  /** Acknowledged by the broker. */
  accepted: number;
  /** Given up by devices, mostly for want of room. */
  dropped: number;
  /** Heard by this process as a subscriber, each once. */
  heard: number;
}

/**
 * Follows messages from the device that publishes them to a subscriber, by topic and number. What was published before the
 * subscriber listened, or while it had no session, is never heard and not its fault: only what is awaited counts.
 */
export class Arrivals {
  readonly latencyMs = new LogSketch(arrivalShape);
  readonly kinds = new Map<MessageKind, KindOfArrival>();
  /** When what is awaited was published, by topic and number. */
  readonly #awaited = new Map<string, number>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** What was awaited and did not come, or not yet. */
  get missing(): number {
    return this.#awaited.size;
  }

  /** @param isAwaited whether a subscriber listens to its topic now */
  published(kind: MessageKind, topic: string, number: string, isAwaited: boolean): void {
    this.kind(kind).published++;
    if (isAwaited) this.#awaited.set(`${topic} ${number}`, this.#nowMs());
  }

  /** Of a message that was given up by its device: nobody waits for it any more. */
  dropped(kind: MessageKind, topic: string, number: string): void {
    this.kind(kind).dropped++;
    this.#awaited.delete(`${topic} ${number}`);
  }

  heard(kind: MessageKind, topic: string, number: string): void {
    const name = `${topic} ${number}`;
    const sinceMs = this.#awaited.get(name);
    // It came twice (QoS 1), or is of another process with the same ids.
    if (sinceMs === undefined) return;
    this.#awaited.delete(name);
    this.kind(kind).heard++;
    this.latencyMs.add(this.#nowMs() - sinceMs);
  }

  kind(kind: MessageKind): KindOfArrival {
    const known = this.kinds.get(kind) ?? { published: 0, accepted: 0, dropped: 0, heard: 0 };
    this.kinds.set(kind, known);
    return known;
  }
}
