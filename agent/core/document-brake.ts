import type { Tasks } from './process.js';

/** Documents of one topic that are looked at in a second: verifying signatures takes time from the inference. */
const documentsASecond = 4;
const secondMs = 1_000;

export interface BrakedTopic {
  /** Looks at a document. */
  take(payload: Uint8Array): void;
  /** A document was not looked at, because a newer one came. */
  superseded(): void;
  /** A flood is over, in which the document that is retained may have been passed over. */
  calmed(): void;
}

/**
 * Holds back the documents of one topic where they come too fast. What is retained on a topic replaces what was
 * there before, so the newest counts.
 */
export class DocumentBrake {
  readonly #tasks: Tasks;
  readonly #nowMs: () => number;
  readonly #topic: BrakedTopic;
  #sinceMs = -Infinity;
  #looked = 0;
  #newest: Uint8Array | undefined;
  #isWaiting = false;
  #isFlooded = false;

  /** @param nowMs monotonic */
  constructor(tasks: Tasks, nowMs: () => number, topic: BrakedTopic) {
    this.#tasks = tasks;
    this.#nowMs = nowMs;
    this.#topic = topic;
  }

  message(payload: Uint8Array): void {
    if (this.#newest !== undefined) {
      this.#isFlooded = true;
      this.#topic.superseded();
    }
    this.#newest = payload;
    this.#look();
  }

  #look(): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#sinceMs >= secondMs) {
      this.#sinceMs = nowMs;
      this.#looked = 0;
    }
    if (this.#newest !== undefined && this.#looked < documentsASecond) {
      this.#looked++;
      const payload = this.#newest;
      this.#newest = undefined;
      this.#topic.take(payload);
    }
    if (this.#newest !== undefined || this.#isFlooded) this.#wait();
  }

  #wait(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#tasks.after(this.#sinceMs + secondMs - this.#nowMs(), () => {
      this.#isWaiting = false;
      if (this.#newest === undefined && this.#isFlooded) {
        this.#isFlooded = false;
        this.#topic.calmed();
      }
      this.#look();
    });
  }
}
