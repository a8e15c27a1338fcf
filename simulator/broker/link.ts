import type { Prng } from '../prng.js';
import type { Lane } from '../time/lane.js';

/** One way of a link, as it is when nothing is wrong. */
export interface WayTerms {
  /** Undefined where it is not the bandwidth that limits. */
  readonly bitPerS: number | undefined;
  /** How long a packet takes besides, drawn for each. At least {@link leastLatencyMs}. */
  readonly latencyMs: readonly [least: number, most: number];
}

/** No packet takes less, so that the lanes of a run can be worked on apart for so long. */
export const leastLatencyMs = 20;

/** What faults do to a link at present. */
export interface LinkFaults {
  /** Nothing gets through this way: what is sent waits, as TCP sends it again. */
  readonly isCut: boolean;
  /** Added to the time of each packet. */
  readonly delayMs: number;
  /** Of the packets, how many end the session instead of getting through. */
  readonly loss: number;
  /** Of the packets of QoS 1, how many come twice. */
  readonly duplicate: number;
  /** Less than the link's own, if given. */
  readonly bitPerS: number | undefined;
}

export const noFaults: LinkFaults = {
  isCut: false,
  delayMs: 0,
  loss: 0,
  duplicate: 0,
  bitPerS: undefined,
};

/** What becomes of a packet. */
export type Fate = 'comes' | 'comes twice' | 'ends the session';

/**
 * One way between a client and its broker: packets arrive in their order, later by latency and bandwidth. It lives with the
 * sender, and draws from the sender's own chance.
 */
export class Way {
  readonly #terms: WayTerms;
  readonly #prng: Prng;
  readonly #from: Lane;
  readonly #to: Lane;
  readonly #nowMs: () => number;
  /** Until when the sender's side is busy with what was sent before. */
  #busyMs = 0;
  /** When the last packet arrives. */
  #lastMs = 0;
  #count = 0;
  #faults = noFaults;
  /** What waits for the end of a cut. */
  #held: { readonly bytes: number; readonly arrive: () => void }[] = [];

  constructor(terms: WayTerms, prng: Prng, from: Lane, to: Lane, nowMs: () => number) {
    this.#terms = terms;
    this.#prng = prng;
    this.#from = from;
    this.#to = to;
    this.#nowMs = nowMs;
  }

  get isCut(): boolean {
    return this.#faults.isCut;
  }

  set faults(faults: LinkFaults) {
    this.#faults = faults;
    if (faults.isCut) return;
    for (const { bytes, arrive } of this.#held.splice(0)) this.send(bytes, arrive);
  }

  get faults(): LinkFaults {
    return this.#faults;
  }

  /** What becomes of the next packet, drawn. */
  draw(): Fate {
    const { loss, duplicate } = this.#faults;
    if (loss > 0 && this.#prng.uniform(0, 1) < loss) return 'ends the session';
    if (duplicate > 0 && this.#prng.uniform(0, 1) < duplicate) return 'comes twice';
    return 'comes';
  }

  /** Sends a packet; `arrive` is called on the other side. */
  send(bytes: number, arrive: () => void): void {
    if (this.#faults.isCut) {
      this.#held.push({ bytes, arrive });
      return;
    }
    const nowMs = this.#nowMs();
    const bitPerS = Math.min(this.#terms.bitPerS ?? Infinity, this.#faults.bitPerS ?? Infinity);
    this.#busyMs = Math.max(this.#busyMs, nowMs) + (8_000 * bytes) / bitPerS;
    const [least, most] = this.#terms.latencyMs;
    const latencyMs = most > least ? this.#prng.uniform(least, most) : least;
    this.#lastMs = Math.max(this.#lastMs, this.#busyMs + latencyMs + this.#faults.delayMs);
    this.#to.arrive(this.#lastMs, this.#from.index, this.#count++, arrive);
  }

  /** The connection is gone, and with it what waits. What is under way still arrives. */
  clear(): void {
    this.#held = [];
  }
}
