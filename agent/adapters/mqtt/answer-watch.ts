import { refuse, type Rejection } from '../../../protocol/result.js';

export interface AnswerWatchActions {
  /** Sends a PINGREQ. */
  ping(): void;
  /** The broker withholds an answer: nothing good comes of this session any more. */
  expired(rejection: Rejection): void;
}

/** A request so old is followed by a ping. */
const askAfterS = 10;

/** A request is answered at the latest so long after the answer to a ping that was sent after it. */
const graceS = 5;

/** A ping is answered within so long, and in the time that bytes take which come or go before its answer. */
const pingPatienceS = 30;

/** The slowest link that is served: 1 kB/s, a poor one of the second generation of mobile networks. */
const slowestBytesPerS = 1_000;

/** Whatever comes, a broker that answers no ping for so long serves others, not us. */
const longestPatienceS = 600;

interface Request {
  readonly what: string;
  readonly bytes: number;
  ageS: number;
  /** Since a later ping was answered; undefined as long as none was. */
  passedS: number | undefined;
}

interface Ping {
  /** Requests that were made before it. */
  readonly before: readonly Request[];
  /** What the requests before it take on the way out, and what has come since. */
  bytes: number;
  ageS: number;
}

/**
 * Keeps a session alive, and says when the broker no longer answers in it.
 *
 * Time alone cannot tell a withheld answer from a slow link, on which answers wait behind everything else. A ping can:
 * a broker works on a connection in order, so that the answer to a ping comes after those to all that was
 * asked before it. Seconds are counted, not measured: while the machine sleeps nobody is late.
 */
export class AnswerWatch {
  readonly #actions: AnswerWatchActions;
  /** The broker must hear something within one and a half times this (MQTT 3.1.1 and 5, 3.1.2.10). */
  readonly #idleLimitS: number;
  readonly #requests = new Set<Request>();
  readonly #pings: Ping[] = [];
  #idleS = 0;
  #silentS = 0;

  constructor(keepaliveS: number, actions: AnswerWatchActions) {
    this.#actions = actions;
    this.#idleLimitS = Math.max(1, Math.floor(keepaliveS / 2));
  }

  /** Something of so many bytes was asked; call what comes back when the answer is there. */
  asked(what: string, bytes: number): () => void {
    const request: Request = { what, bytes, ageS: 0, passedS: undefined };
    this.#requests.add(request);
    return () => {
      this.#requests.delete(request);
    };
  }

  /** Any bytes went out. */
  sent(): void {
    this.#idleS = 0;
  }

  /** Any bytes came in. */
  received(bytes: number): void {
    this.#silentS = 0;
    for (const ping of this.#pings) ping.bytes += bytes;
  }

  pingAnswered(): void {
    const ping = this.#pings.shift();
    for (const request of ping?.before ?? []) request.passedS ??= 0;
  }

  /** A second has passed. */
  tick(): void {
    this.#idleS++;
    this.#silentS++;
    for (const ping of this.#pings) ping.ageS++;
    for (const request of this.#requests) {
      request.ageS++;
      if (request.passedS !== undefined) request.passedS++;
    }
    const rejection = this.#overdue();
    if (rejection !== undefined) this.#actions.expired(rejection);
    else if (this.#isPingDue()) this.#ping();
  }

  #overdue(): Rejection | undefined {
    const [ping] = this.#pings;
    if (ping !== undefined && ping.ageS > patienceFor(ping.bytes)) {
      return refuse('session-ended', `no answer to a ping for ${ping.ageS} s`).rejection;
    }
    for (const { what, ageS, passedS } of this.#requests) {
      if (passedS === undefined || passedS < graceS) continue;
      const detail = `${what}: no answer for ${ageS} s, while the broker answers others`;
      return refuse('session-unanswered', detail).rejection;
    }
    return undefined;
  }

  #isPingDue(): boolean {
    if (this.#idleS >= this.#idleLimitS) return true;
    if (this.#pings.length > 0) return false;
    if (this.#silentS >= this.#idleLimitS) return true;
    return [...this.#requests].some(
      ({ ageS, passedS }) => passedS === undefined && ageS >= askAfterS,
    );
  }

  #ping(): void {
    const before = [...this.#requests];
    this.#pings.push({ before, bytes: before.reduce((sum, { bytes }) => sum + bytes, 0), ageS: 0 });
    this.#actions.ping();
  }
}

function patienceFor(bytes: number): number {
  return Math.min(longestPatienceS, pingPatienceS + bytes / slowestBytesPerS);
}
