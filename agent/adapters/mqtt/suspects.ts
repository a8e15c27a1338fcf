import type { Scheduler } from '../../ports/scheduler.js';

/** What is asked of a broker about one topic. */
export type Request = `publish ${string}` | `subscribe ${string}`;

/** What may be done with a request at present. */
export type Leave =
  | 'go'
  /** Something else is to be answered first. */
  | 'wait'
  /** Its topic ended sessions, and is held back for a while. */
  | 'held';

/** What kind of a session it was that ended. */
export interface SessionKind {
  /** False where it ended for a reason that has nothing to do with any topic. */
  readonly isTelling: boolean;
  /** It had lasted a while. */
  readonly wasSteady: boolean;
}

/** What the end of a session has shown. */
export interface Finding {
  /** One request alone was unanswered: a session that is lost for the sake of knowing. */
  readonly probed: boolean;
  /** It was alone so often that its topic is held back now. */
  readonly condemned: Request | undefined;
}

/** Sessions that end while a request is the only one unanswered, until its topic is held back. */
const lonelyEnds = 2;

/** What is said of a topic that is held back. */
export const heldBackBecause = `${lonelyEnds} sessions ended over it, before an answer; it is held back for a while`;

/** For how long, at first, and at most; it doubles each time. A trial costs a session, and seconds without one. */
const firstHoldMs = 60_000;
const longestHoldMs = 900_000;

/** Requests that are remembered. The oldest are forgotten: they were not made again. */
const rememberedLimit = 256;

interface Suspicion {
  lonelyEnds: number;
  holds: number;
  /** Ends the hold, while there is one. */
  cancel: (() => void) | undefined;
}

/**
 * Finds the topic for which a broker ends the session, as some do instead of refusing a message or subscription.
 *
 * What was unanswered at the end of a session is suspect. In the next one each suspect goes alone, so that an
 * answer clears it, and the end of the session tells which one it was. After two such ends the topic is
 * held back, for a minute at first; then one request tries it again. All others go on meanwhile.
 */
export class Suspects {
  readonly #scheduler: Scheduler;
  readonly #released: () => void;
  readonly #unanswered = new Map<Request, number>();
  readonly #suspicions = new Map<Request, Suspicion>();

  /** @param released called when a topic may be tried again */
  constructor(scheduler: Scheduler, released: () => void) {
    this.#scheduler = scheduler;
    this.#released = released;
  }

  /** Whether a request may be made now. */
  leaveFor(request: Request): Leave {
    const suspicion = this.#suspicions.get(request);
    if (suspicion?.cancel !== undefined) return 'held';
    if (this.#unanswered.size === 0) return 'go';
    const [first] = this.#unanswered.keys();
    const oneGoesAlone = first !== undefined && this.#suspicions.has(first);
    return suspicion !== undefined || oneGoesAlone ? 'wait' : 'go';
  }

  made(request: Request): void {
    this.#unanswered.set(request, (this.#unanswered.get(request) ?? 0) + 1);
  }

  /** The broker has answered, be it with a refusal: it does not end sessions over this. */
  answered(request: Request): void {
    const others = (this.#unanswered.get(request) ?? 0) - 1;
    if (others > 0) this.#unanswered.set(request, others);
    else this.#unanswered.delete(request);
    this.#forget(request);
  }

  sessionEnded({ isTelling, wasSteady }: SessionKind): Finding {
    const unanswered = isTelling ? [...this.#unanswered.keys()] : [];
    const [first] = unanswered;
    this.#unanswered.clear();
    const alone = first === undefined ? undefined : this.#suspicions.get(first);
    if (first !== undefined && alone !== undefined) {
      alone.lonelyEnds++;
      const isCondemned = alone.lonelyEnds >= lonelyEnds;
      if (isCondemned) this.#hold(alone, wasSteady);
      return { probed: true, condemned: isCondemned ? first : undefined };
    }
    for (const request of unanswered) {
      this.#suspicions.set(request, { lonelyEnds: 0, holds: 0, cancel: undefined });
    }
    for (const request of this.#suspicions.keys()) {
      if (this.#suspicions.size <= rememberedLimit) break;
      this.#forget(request);
    }
    return { probed: false, condemned: undefined };
  }

  /** Nothing is asked any more. */
  close(): void {
    for (const request of this.#suspicions.keys()) this.#forget(request);
  }

  #hold(suspicion: Suspicion, wasSteady: boolean): void {
    const holdMs = Math.min(longestHoldMs, firstHoldMs * 2 ** Math.min(suspicion.holds, 16));
    // Where sessions are short anyway, the link may be to blame, and may soon be better.
    if (wasSteady) suspicion.holds++;
    suspicion.cancel = this.#scheduler.after(holdMs, () => {
      suspicion.cancel = undefined;
      // One more end is enough to hold it back again.
      suspicion.lonelyEnds = lonelyEnds - 1;
      this.#released();
    });
  }

  #forget(request: Request): void {
    this.#suspicions.get(request)?.cancel?.();
    this.#suspicions.delete(request);
  }
}
