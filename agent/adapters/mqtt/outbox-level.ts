import type { Result } from '../../../protocol/result.js';
import type { Message } from '../../ports/transport.js';

/** A message on its way out. */
export interface Entry {
  readonly message: Message;
  /** About what it takes in memory. */
  readonly bytes: number;
  readonly done: ((result: Result<void>) => void) | undefined;
}

/** Messages of one rank that wait, in order; those of topics that are held back wait apart. */
export class OutboxLevel {
  #waiting = new Set<Entry>();
  readonly #heldBack = new Map<string, Set<Entry>>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether anything is here that need not wait for its topic. */
  get isReady(): boolean {
    return this.#waiting.size > 0;
  }

  get holdsBack(): boolean {
    return this.#heldBack.size > 0;
  }

  get topicsHeldBack(): readonly string[] {
    return [...this.#heldBack.keys()];
  }

  add(entry: Entry): void {
    (this.#heldBack.get(entry.message.topic) ?? this.#waiting).add(entry);
    this.#bytes += entry.bytes;
  }

  /** The next to go. */
  first(): Entry | undefined {
    const [entry] = this.#waiting;
    return entry;
  }

  /** The first to be given up: what cannot go now, before what can. */
  leastWanted(): Entry | undefined {
    for (const [entry] of this.#heldBack.values()) return entry;
    return this.first();
  }

  remove(entry: Entry): void {
    const { topic } = entry.message;
    const apart = this.#heldBack.get(topic);
    if (!this.#waiting.delete(entry) && apart?.delete(entry) !== true) return;
    if (apart?.size === 0) this.#heldBack.delete(topic);
    this.#bytes -= entry.bytes;
  }

  holdBack(topic: string): void {
    const entries = [...this.#waiting].filter(({ message }) => message.topic === topic);
    if (entries.length === 0) return;
    for (const entry of entries) this.#waiting.delete(entry);
    this.#heldBack.set(topic, new Set([...entries, ...(this.#heldBack.get(topic) ?? [])]));
  }

  /** What was held back goes before what came later. */
  release(topic: string): void {
    const entries = this.#heldBack.get(topic) ?? [];
    this.#heldBack.delete(topic);
    this.#waiting = new Set([...entries, ...this.#waiting]);
  }

  /** Puts back what has left and was not acknowledged: it is older than all that waits. */
  putBack(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    for (const { bytes } of entries) this.#bytes += bytes;
    this.#waiting = new Set([...entries, ...this.#waiting]);
  }

  /** Takes all. */
  clear(): readonly Entry[] {
    const entries = [...this.#heldBack.values(), this.#waiting].flatMap((each) => [...each]);
    this.#heldBack.clear();
    this.#waiting = new Set();
    this.#bytes = 0;
    return entries;
  }
}
