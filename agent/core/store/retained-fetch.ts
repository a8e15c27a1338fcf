import { limits } from '../../../protocol/limits.js';
import { accept, type Rejection, type Result } from '../../../protocol/result.js';
import type { BackOff } from '../back-off.js';
import { DocumentBrake } from '../document-brake.js';
import type { Exchange } from '../exchange.js';
import { Signal, wait, type Process, type Task, type Tasks } from '../process.js';
import { untilQuiet } from './until-quiet.js';

/** Numbered messages that the broker is to retain, and what is to be done with them. */
export interface RetainedItems {
  /** Those that are wanted, in the order in which they are asked for. */
  readonly wanted: readonly number[];
  topic(item: number): string;
  /** Whether a payload is the one that is wanted; refuses with what is wrong with it. */
  check(item: number, payload: Uint8Array): Process<Result<void>>;
  /** Stores what was checked; a refusal ends the fetch. */
  keep(item: number, payload: Uint8Array): Process<Result<void>>;
  /** Says that nothing came. */
  missing(item: number): Rejection;
  /** What keeps the fetch from going on; it goes on by itself. */
  trouble(rejection: Rejection): void;
  /** Asks the operator for items that the broker does not have, or not right. */
  request(items: readonly number[]): void;
  /** Whether to end with `stuck` instead of asking for the same once more. */
  givesUp(): boolean;
}

interface Request {
  readonly item: number;
  /** `overdue`: nothing came in time, or nothing good. It stays subscribed: what comes late is kept. */
  phase: 'asked' | 'keeping' | 'overdue';
  /** What came was wrong, or the broker refuses the topic: that is told once. */
  isTold: boolean;
  leave: () => void;
  patience: Task | undefined;
}

/**
 * Fetches retained messages, a window of exact topics at a time, and ends when all are kept, or with what `keep`
 * refused. What is missing or wrong is told, asked for by `request`, and subscribed again with back-off and in each
 * new session; what is wrong is told once. Meanwhile its topics stay subscribed, so that whoever publishes again is
 * heard at once. A flood on one of them is braked: what is looked at is the newest, and what is retained once it is over.
 *
 * @param nowMs monotonic
 */
export function* fetchRetained(
  items: RetainedItems,
  tasks: Tasks,
  exchange: Exchange,
  backOff: BackOff,
  nowMs: () => number,
): Process<Result<'all' | 'stuck'>> {
  const fetch = new RetainedFetch(items, tasks, exchange, backOff, nowMs);
  try {
    return yield* wait(fetch.outcome);
  } finally {
    fetch.close();
  }
}

class RetainedFetch {
  readonly outcome = new Signal<Result<'all' | 'stuck'>>();
  readonly #items: RetainedItems;
  readonly #tasks: Tasks;
  readonly #exchange: Exchange;
  readonly #backOff: BackOff;
  readonly #nowMs: () => number;
  readonly #queue: number[];
  readonly #requests = new Map<number, Request>();
  /** Set while everything that is subscribed is overdue. */
  #stopWaiting: (() => void) | undefined;

  constructor(
    items: RetainedItems,
    tasks: Tasks,
    exchange: Exchange,
    backOff: BackOff,
    nowMs: () => number,
  ) {
    this.#items = items;
    this.#tasks = tasks;
    this.#exchange = exchange;
    this.#backOff = backOff;
    this.#nowMs = nowMs;
    this.#queue = [...items.wanted];
    this.#goOn();
  }

  close(): void {
    this.#endWait();
    for (const { patience, leave } of this.#requests.values()) {
      patience?.cancel();
      leave();
    }
    this.#requests.clear();
    this.#queue.length = 0;
  }

  /** Asks for more as long as the window has room, and finds out whether that is the end, or a standstill. */
  #goOn(isAnswered = false): void {
    let [underWay, overdue] = [0, 0];
    for (const { phase } of this.#requests.values()) {
      if (phase === 'overdue') overdue++;
      else underWay++;
    }
    while (underWay < limits.blockWindow && overdue < limits.overdueBlocks) {
      const item = this.#queue.shift();
      if (item === undefined) break;
      underWay++;
      const request: Request = {
        item,
        phase: 'asked',
        isTold: false,
        leave: () => undefined,
        patience: undefined,
      };
      this.#requests.set(item, request);
      this.#subscribe(request);
    }
    if (this.#requests.size === 0) this.outcome.give(accept('all'));
    else if (underWay === 0) this.#standStill(isAnswered);
  }

  #subscribe(request: Request): void {
    const topic = this.#items.topic(request.item);
    const brake = new DocumentBrake(this.#tasks, this.#nowMs, {
      take: (payload) => {
        this.#tasks.run(this.#take(request, payload));
      },
      superseded: () => undefined,
      calmed: () => {
        if (this.#wants(request)) this.#exchange.askAgain(topic);
      },
    });
    request.leave = this.#exchange.subscribe(topic, {
      subscribed: () => {
        this.#subscribed(request);
      },
      refused: (rejection) => {
        this.#tell(request, rejection);
        this.#overdue(request);
      },
      message: (payload) => {
        // An empty retained message only says that there is none any more.
        if (payload.length > 0) brake.message(payload);
      },
    });
  }

  /** What is retained is on its way: also again, in a new session. */
  #subscribed(request: Request): void {
    if (request.phase === 'keeping') return;
    if (request.phase === 'overdue') this.#endWait();
    request.phase = 'asked';
    request.patience?.cancel();
    request.patience = this.#tasks.run(this.#watch(request, this.#exchange.session));
  }

  *#watch(request: Request, session: number | undefined): Process<void> {
    yield* untilQuiet();
    request.patience = undefined;
    // What the end of a session took with it is subscribed in the next one.
    if (session === this.#exchange.session) this.#overdue(request);
  }

  /** Whether what comes is still to be looked at: QoS 1 may bring it twice, and whoever wanted it may have gone. */
  #wants(request: Request): boolean {
    return request.phase !== 'keeping' && this.#requests.get(request.item) === request;
  }

  *#take(request: Request, payload: Uint8Array): Process<void> {
    if (!this.#wants(request)) return;
    const checked = yield* this.#items.check(request.item, payload);
    if (!this.#wants(request)) return;
    if (!checked.ok) {
      this.#tell(request, checked.rejection);
      this.#overdue(request);
      return;
    }
    request.phase = 'keeping';
    request.patience?.cancel();
    const kept = yield* this.#items.keep(request.item, payload);
    if (this.#requests.get(request.item) !== request) return;
    if (!kept.ok) {
      this.outcome.give(kept);
      return;
    }
    request.leave();
    this.#requests.delete(request.item);
    this.#backOff.reset();
    // Somebody may be publishing all that was missing at this moment: no need to ask again.
    const stood = this.#stopWaiting !== undefined;
    this.#endWait();
    this.#goOn(stood);
  }

  #tell(request: Request, rejection: Rejection): void {
    if (!request.isTold) this.#items.trouble(rejection);
    request.isTold = true;
  }

  #overdue(request: Request): void {
    if (request.phase !== 'asked') return;
    request.phase = 'overdue';
    request.patience?.cancel();
    request.patience = undefined;
    this.#goOn();
  }

  #standStill(isAnswered: boolean): void {
    if (this.#stopWaiting !== undefined) return;
    if (!isAnswered) {
      const overdue = [...this.#requests.values()];
      const absent = overdue.find(({ isTold }) => !isTold);
      if (absent !== undefined) this.#items.trouble(this.#items.missing(absent.item));
      this.#items.request(overdue.map(({ item }) => item));
    }
    this.#stopWaiting = this.#tasks.after(this.#backOff.nextDelayMs(), () => {
      this.#stopWaiting = undefined;
      if (this.#items.givesUp()) {
        this.outcome.give(accept('stuck'));
        return;
      }
      for (const request of this.#requests.values()) {
        if (request.phase !== 'overdue') continue;
        request.phase = 'asked';
        this.#exchange.askAgain(this.#items.topic(request.item));
      }
    });
  }

  #endWait(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
  }
}
