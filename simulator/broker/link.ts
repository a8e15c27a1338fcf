import type { Prng } from '../prng.js';

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
  /** Of the packets of QoS 1 that a broker or client has in hand, how many come behind the next one. */
  readonly reorder: number;
  /** Less than the link's own, if given. */
  readonly bitPerS: number | undefined;
}

const noFaults: LinkFaults = {
  isCut: false,
  delayMs: 0,
  loss: 0,
  duplicate: 0,
  reorder: 0,
  bitPerS: undefined,
};

/** What becomes of a packet. */
export type Fate = 'comes' | 'comes twice' | 'comes behind the next' | 'ends the session';

/** Brings to the other side what arrives there at an instant; `count` numbers it. */
export type Carry<C> = (atMs: number, count: number, cargo: C) => void;

/**
 * One way between a client and its broker: packets arrive in their order, later by latency and bandwidth. Both ways live with the
 * client, and draw from its chance.
 */
export class Way<C> {
  readonly #terms: WayTerms;
  readonly #prng: Prng;
  readonly #nowMs: () => number;
  readonly #carry: Carry<C>;
  /** Until when the sender's side is busy with what was sent before. */
  #busyMs = 0;
  /** When the last packet arrives. */
  #lastMs = 0;
  #count = 0;
  #sentBytes = 0;
  #faults = noFaults;
  readonly #changes = new Set<Partial<LinkFaults>>();
  /** What waits for the end of a cut. */
  #held: { readonly bytes: number; readonly cargo: C }[] = [];

  constructor(terms: WayTerms, prng: Prng, nowMs: () => number, carry: Carry<C>) {
    this.#terms = terms;
    this.#prng = prng;
    this.#nowMs = nowMs;
    this.#carry = carry;
  }

  /** Bytes of all packets that went out. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  get isCut(): boolean {
    return this.#faults.isCut;
  }

  /** Makes it worse by so much, until the returned function is called. Faults of one kind do not add up: the worst holds. */
  worsen(change: Partial<LinkFaults>): () => void {
    this.#changes.add(change);
    this.#look();
    return () => {
      this.#changes.delete(change);
      this.#look();
    };
  }

  /** What becomes of the next packet, drawn. */
  draw(): Fate {
    const { loss, duplicate, reorder } = this.#faults;
    if (loss > 0 && this.#prng.uniform(0, 1) < loss) return 'ends the session';
    if (duplicate > 0 && this.#prng.uniform(0, 1) < duplicate) return 'comes twice';
    if (reorder > 0 && this.#prng.uniform(0, 1) < reorder) return 'comes behind the next';
    return 'comes';
  }

  /** Sends a packet. @param fromMs when the sender sent it */
  send(bytes: number, cargo: C, fromMs = this.#nowMs()): void {
    if (this.#faults.isCut) {
      this.#held.push({ bytes, cargo });
      return;
    }
    this.#sentBytes += bytes;
    const bitPerS = Math.min(this.#terms.bitPerS ?? Infinity, this.#faults.bitPerS ?? Infinity);
    this.#busyMs = Math.max(this.#busyMs, fromMs) + (8_000 * bytes) / bitPerS;
    const [least, most] = this.#terms.latencyMs;
    const latencyMs = most > least ? this.#prng.uniform(least, most) : least;
    this.#lastMs = Math.max(this.#lastMs, this.#busyMs + latencyMs + this.#faults.delayMs);
    this.#carry(this.#lastMs, this.#count++, cargo);
  }

  /** The other side comes to know something by itself, whatever is wrong with the link. */
  tell(atMs: number, cargo: C): void {
    this.#carry(atMs, this.#count++, cargo);
  }

  /** The connection is gone, and with it what waits. What is under way still arrives. */
  clear(): void {
    this.#held = [];
  }

  #look(): void {
    let worst = noFaults;
    for (const change of this.#changes) {
      worst = {
        isCut: worst.isCut || change.isCut === true,
        delayMs: Math.max(worst.delayMs, change.delayMs ?? 0),
        loss: Math.max(worst.loss, change.loss ?? 0),
        duplicate: Math.max(worst.duplicate, change.duplicate ?? 0),
        reorder: Math.max(worst.reorder, change.reorder ?? 0),
        bitPerS: smaller(worst.bitPerS, change.bitPerS),
      };
    }
    this.#faults = worst;
    if (worst.isCut) return;
    for (const { bytes, cargo } of this.#held.splice(0)) this.send(bytes, cargo);
  }
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}
