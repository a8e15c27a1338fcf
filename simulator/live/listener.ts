import type { Message, Transport } from '../../agent/ports/transport.js';

/** Subscriptions under way at a time: packet identifiers are 16 bits, and brokers have queues. */
const mostUnderWay = 64;

/** A subscriber of this process, beside its devices: what it hears is what others hear. */
export class Listener {
  readonly #transport: Transport;
  readonly #topics: readonly string[];
  readonly #hear: (message: Message) => void;
  readonly #subscribed = new Set<string>();
  #waiting: string[] = [];
  #underWay = 0;

  /** @param topics exact ones: wildcards are not for every broker */
  constructor(transport: Transport, topics: readonly string[], hear: (message: Message) => void) {
    this.#transport = transport;
    this.#topics = topics;
    this.#hear = hear;
  }

  open(): void {
    this.#transport.open({
      connected: () => {
        this.#subscribed.clear();
        this.#waiting = [...this.#topics];
        this.#underWay = 0;
        this.#next();
      },
      disconnected: () => {
        this.#subscribed.clear();
        this.#waiting = [];
      },
    });
  }

  /** Whether what is published on a topic from now on will be heard. */
  hears(topic: string): boolean {
    return this.#subscribed.has(topic);
  }

  /** Publishes something that is not retained; lost where the broker cannot be reached. */
  send(topic: string, payload: Uint8Array): void {
    this.#transport.publish({ topic, payload, retained: false });
  }

  async close(timeoutMs: number): Promise<void> {
    await this.#transport.close(timeoutMs);
  }

  #next(): void {
    while (this.#underWay < mostUnderWay) {
      const topic = this.#waiting.pop();
      if (topic === undefined) return;
      this.#underWay++;
      this.#transport.subscribe(topic, this.#hear, (result) => {
        // The end of a session has refused all that were under way, and another may have begun.
        if (!result.ok && result.rejection.code === 'session-ended') return;
        this.#underWay--;
        // What the broker does not let it read is not heard, and not awaited.
        if (result.ok) this.#subscribed.add(topic);
        this.#next();
      });
    }
  }
}
