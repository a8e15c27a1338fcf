import type { BrokerClient } from '../../operator/publish/broker-client.js';

/**
 * Finds out what machines really suffer from, a while after their devices have answered, and tells them: as
 * maintenance does when it opens a machine.
 */
export class Inspector {
  readonly #client: BrokerClient;
  readonly #truth: ReadonlyMap<string, string>;
  readonly #delayMs: number;
  readonly #failed: (error: unknown) => void;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(
    client: BrokerClient,
    truth: ReadonlyMap<string, string>,
    delayMs: number,
    failed: (error: unknown) => void,
  ) {
    this.#client = client;
    this.#truth = truth;
    this.#delayMs = delayMs;
    this.#failed = failed;
  }

  /** A device has answered a window, in one of its starts. */
  answered(deviceId: string, boot: number, window: number): void {
    const label = this.#truth.get(deviceId);
    if (label === undefined) return;
    const payload = new TextEncoder().encode(JSON.stringify({ boot, window, label }));
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#client.send(truthTopic(deviceId), payload).catch(this.#failed);
    }, this.#delayMs);
    this.#timers.add(timer);
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#client.close();
  }
}

/** Where a device hears the true labels of its windows. */
export function truthTopic(deviceId: string): string {
  return `truth/${deviceId}`;
}
