import { accept, refuse, type Result } from '../../core/result.js';
import type { Message } from '../../ports/transport.js';

/** What a message takes besides its bytes, about. */
const overheadBytes = 64;

interface Entry {
  readonly message: Message;
  readonly bytes: number;
  readonly done: ((result: Result<void>) => void) | undefined;
  /** Sent in this session and not acknowledged yet. */
  underWay: boolean;
}

/**
 * Messages until the broker has acknowledged them, in order, over sessions. Without a session they wait,
 * up to a number of bytes; then the oldest go.
 */
export class Outbox {
  readonly #limitBytes: number;
  #entries: Entry[] = [];
  #bytes = 0;
  droppedMessages = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get waitingBytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  add(message: Message, done?: (result: Result<void>) => void): void {
    if (message.retained) this.#replace(message.topic);
    const bytes = overheadBytes + message.topic.length + message.payload.length;
    this.#entries.push({ message, bytes, done, underWay: false });
    this.#bytes += bytes;
    while (this.#bytes > this.#limitBytes) {
      const oldest = this.#entries.find((entry) => !entry.underWay);
      if (oldest === undefined) break;
      this.#remove(oldest);
      this.droppedMessages++;
      oldest.done?.(refuse('spool-full', `a message for ${oldest.message.topic} was dropped`));
    }
  }

  /** Takes the next messages to send, as long as fewer than `window` are under way. */
  *takeUpTo(window: number): Generator<{
    readonly message: Message;
    readonly settle: (result: Result<void>) => void;
  }> {
    let underWay = this.#entries.filter((entry) => entry.underWay).length;
    for (const entry of [...this.#entries]) {
      if (underWay >= window) return;
      if (entry.underWay) continue;
      entry.underWay = true;
      underWay++;
      yield {
        message: entry.message,
        settle: (result) => {
          if (this.#remove(entry)) entry.done?.(result);
        },
      };
    }
  }

  /** The session is gone: what it did not acknowledge is sent again in the next one (QoS 1). */
  sessionEnded(): void {
    for (const entry of this.#entries) entry.underWay = false;
  }

  /** Of a retained topic only the last value matters, as long as the one before has not left. */
  #replace(topic: string): void {
    const elder = this.#entries.find(
      ({ message, underWay }) => message.retained && !underWay && message.topic === topic,
    );
    if (elder === undefined) return;
    this.#remove(elder);
    elder.done?.(accept(undefined));
  }

  #remove(entry: Entry): boolean {
    const at = this.#entries.indexOf(entry);
    if (at < 0) return false;
    this.#entries.splice(at, 1);
    this.#bytes -= entry.bytes;
    return true;
  }
}
