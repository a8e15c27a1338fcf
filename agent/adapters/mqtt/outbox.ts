import { accept, refuse, type Rejection, type Result } from '../../../protocol/result.js';
import type { Message } from '../../ports/transport.js';

/** What a message takes besides its bytes, about. */
const overheadBytes = 64;

/**
 * Some brokers end the session over a message that they do not take, instead of refusing it, and would do so
 * again in every session. A message that was under way when that many sessions in a row ended goes alone …
 */
const suspectAfter = 2;

/** … and is given up after so many. */
const brokenSessions = 5;

interface Entry {
  readonly message: Message;
  readonly bytes: number;
  readonly done: ((result: Result<void>) => void) | undefined;
  /** Sessions that ended before they acknowledged it. */
  broken: number;
}

/**
 * Messages until the broker has acknowledged them, in order, over sessions. Without a session they wait,
 * up to a number of bytes; then the oldest go.
 */
export class Outbox {
  readonly #limitBytes: number;
  /** Sent in this session and not acknowledged yet; all are older than what waits. */
  #underWay = new Set<Entry>();
  #waiting = new Set<Entry>();
  /** The entry of a retained topic that waits. */
  readonly #retained = new Map<string, Entry>();
  #bytes = 0;
  #closed: Rejection | undefined;
  droppedMessages = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get waitingBytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#underWay.size + this.#waiting.size === 0;
  }

  add(message: Message, done?: (result: Result<void>) => void): void {
    if (this.#closed !== undefined) {
      done?.({ ok: false, rejection: this.#closed });
      return;
    }
    const bytes = overheadBytes + message.topic.length + message.payload.length;
    const entry: Entry = { message, bytes, done, broken: 0 };
    const elder = this.#enqueue(entry);
    this.#bytes += bytes;
    // Of a retained topic only the last value matters, as long as the one before has not left.
    if (elder !== undefined) {
      this.#drop(elder);
      elder.done?.(accept(undefined));
    }
    for (const oldest of this.#waiting) {
      if (this.#bytes <= this.#limitBytes) break;
      this.#drop(oldest);
      this.droppedMessages++;
      oldest.done?.(refuse('spool-full', `a message for ${oldest.message.topic} was dropped`));
    }
  }

  /** Takes the next messages to send, as long as fewer than `window` are under way. */
  *takeUpTo(window: number): Generator<{
    readonly message: Message;
    readonly settle: (result: Result<void>) => void;
  }> {
    for (const entry of this.#waiting) {
      const underWay = [...this.#underWay];
      if (underWay.length >= window || underWay.some(isSuspect)) return;
      if (isSuspect(entry) && underWay.length > 0) return;
      this.#leaveQueue(entry);
      this.#underWay.add(entry);
      yield {
        message: entry.message,
        settle: (result) => {
          if (!this.#underWay.delete(entry)) return;
          this.#bytes -= entry.bytes;
          entry.done?.(result);
        },
      };
    }
  }

  /** The session is gone: what it did not acknowledge is sent again in the next one (QoS 1). */
  sessionEnded(): void {
    if (this.#underWay.size === 0) return;
    for (const entry of this.#underWay) entry.broken++;
    const entries = [...this.#underWay, ...this.#waiting];
    this.#underWay = new Set();
    this.#waiting = new Set();
    for (const entry of entries) {
      if (entry.broken >= brokenSessions) {
        this.#bytes -= entry.bytes;
        this.droppedMessages++;
        const { topic } = entry.message;
        entry.done?.(refuse('publish-refused', `${topic}: it ended ${brokenSessions} sessions`));
        continue;
      }
      const elder = this.#enqueue(entry);
      if (elder === undefined) continue;
      this.#drop(elder);
      elder.done?.(accept(undefined));
    }
  }

  /** No session will come any more: what waits, and what is still added, gets this refusal. */
  close(rejection: Rejection): void {
    this.#closed = rejection;
    const entries = [...this.#underWay, ...this.#waiting];
    this.#underWay = new Set();
    this.#waiting = new Set();
    this.#retained.clear();
    this.#bytes = 0;
    for (const { done } of entries) done?.({ ok: false, rejection });
  }

  /** Puts an entry at the end; gives the one that it makes pointless. */
  #enqueue(entry: Entry): Entry | undefined {
    this.#waiting.add(entry);
    if (!entry.message.retained) return undefined;
    const { topic } = entry.message;
    const elder = this.#retained.get(topic);
    this.#retained.set(topic, entry);
    return elder === entry ? undefined : elder;
  }

  #leaveQueue(entry: Entry): void {
    this.#waiting.delete(entry);
    if (this.#retained.get(entry.message.topic) === entry)
      this.#retained.delete(entry.message.topic);
  }

  #drop(entry: Entry): void {
    this.#leaveQueue(entry);
    this.#bytes -= entry.bytes;
  }
}

function isSuspect({ broken }: Entry): boolean {
  return broken >= suspectAfter;
}
