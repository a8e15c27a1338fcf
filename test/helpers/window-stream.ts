import { performance } from 'node:perf_hooks';
import type { Onlooker } from './onlooker.js';
import { WindowSender, type Site } from './site.js';

/** The answer to a window of a stream. */
export interface StreamAnswer {
  readonly window: number;
  /** The release that answered. */
  readonly sequence: number;
  /** From the moment that its last sample was published until its result was there. */
  readonly latencyMs: number;
}

/** A sensor that completes a window every `periodMs`, whether or not those before were answered. */
export class WindowStream {
  /** In the order in which they came. */
  readonly answers: StreamAnswer[] = [];
  readonly #site: Site;
  readonly #onlooker: Onlooker;
  readonly #sender: WindowSender;
  readonly #sending: NodeJS.Timeout;
  readonly #underWay: Promise<void>[] = [];
  #last: number;
  #lost = 0;

  private constructor(
    site: Site,
    onlooker: Onlooker,
    sender: WindowSender,
    last: number,
    periodMs: number,
  ) {
    this.#site = site;
    this.#onlooker = onlooker;
    this.#sender = sender;
    this.#last = last;
    this.#sending = setInterval(() => {
      this.#send(++this.#last);
    }, periodMs);
  }

  /** Begins as soon as a first window, which is not of the stream, was answered. */
  static async begin(site: Site, onlooker: Onlooker, periodMs: number): Promise<WindowStream> {
    const sender = new WindowSender('imbalance', 1);
    const from = onlooker.results.length;
    // Retained, so that it does not come before the agent listens.
    await onlooker.publish(site.sensorTopic, sender.next(), true);
    const { window } = await onlooker.results.find(() => true, from);
    return new WindowStream(site, onlooker, sender, window, periodMs);
  }

  /** The number of the last window that was sent. */
  get last(): number {
    return this.#last;
  }

  /** Waits until so many more windows were answered, counted from now. */
  async answered(windows: number): Promise<void> {
    const until = this.#last + windows;
    await this.#onlooker.results.find(({ window }) => window >= until);
  }

  /** Sends no more, and waits for the answers. Gives the number of windows that have none. */
  async end(): Promise<number> {
    clearInterval(this.#sending);
    await Promise.all(this.#underWay);
    return this.#lost;
  }

  #send(window: number): void {
    const from = this.#onlooker.results.length;
    const sentMs = performance.now();
    const answered = this.#onlooker.results
      .find((result) => result.window === window, from)
      .then(({ sequence }) => {
        this.answers.push({ window, sequence, latencyMs: performance.now() - sentMs });
      })
      .catch(() => void this.#lost++);
    const sent = this.#onlooker.publish(this.#site.sensorTopic, this.#sender.next());
    this.#underWay.push(answered, sent);
  }
}
