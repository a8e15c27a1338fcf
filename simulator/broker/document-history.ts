/** A retained document as it was from an instant on. */
export interface PastDocument {
  readonly atMs: number;
  readonly payload: Uint8Array;
}

/** What was ever retained of signed documents: a broker that turns on its clients can show all of it again. */
export class DocumentHistory {
  readonly #documents = new Map<string, PastDocument[]>();

  add(topic: string, payload: Uint8Array, atMs: number): void {
    const past = this.#documents.get(topic) ?? [];
    past.push({ atMs, payload });
    this.#documents.set(topic, past);
  }

  /** What was retained under a topic, the oldest first. */
  of(topic: string): readonly PastDocument[] {
    return this.#documents.get(topic) ?? [];
  }

  /** What was retained at an instant, by topic, in the order in which topics came up. */
  at(atMs: number): ReadonlyMap<string, Uint8Array> {
    const shown = new Map<string, Uint8Array>();
    for (const [topic, past] of this.#documents) {
      const payload = past.findLast((each) => each.atMs <= atMs)?.payload;
      if (payload !== undefined) shown.set(topic, payload);
    }
    return shown;
  }
}
