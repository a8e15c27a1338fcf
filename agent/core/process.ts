import type { AnswerOf, ArgumentsOf, AskedKind, Effect, ToldEffects, ToldKind } from './effect.js';

/**
 * A course of decisions with waits in between, written as a generator: `yield* ask('read', …)` hands an
 * effect to the outside and goes on when its answer comes back as an input. Nothing here is
 * asynchronous: the order of a run is the order of the inputs.
 *
 * What a process throws is a broken invariant. It goes through whoever made the process go on, out of
 * `Agent.step`, and ends the device.
 */
export type Process<T> = Generator<Wait, T, unknown>;

type Wait = (
  | { readonly kind: 'ask'; readonly ask: AskedKind; readonly args: object }
  | { readonly kind: 'signal'; readonly signal: Signal<unknown> }
) & {
  /** Whether a cancel that comes meanwhile has to wait too. */
  readonly uninterrupted?: true;
};

/** Asks for an effect and waits for its answer. */
export function* ask<K extends AskedKind>(kind: K, args: ArgumentsOf<K>): Process<AnswerOf<K>> {
  return (yield { kind: 'ask', ask: kind, args }) as AnswerOf<K>;
}

/** Waits until the signal is given; goes on at once if it was given before. */
export function* wait<T>(signal: Signal<T>): Process<T> {
  return (yield { kind: 'signal', signal: signal as Signal<unknown> }) as T;
}

/**
 * Carries a process out to its end: a cancel that comes meanwhile takes effect at the first wait after it.
 * Whatever a `finally` waits for is wrapped in it: a process may come there by itself, and be cancelled then.
 */
export function* uninterrupted<T>(course: Process<T>): Process<T> {
  let step = course.next();
  while (step.done !== true) step = course.next(yield { ...step.value, uninterrupted: true });
  return step.value;
}

/**
 * Thrown where a cancelled process waits. Not `return`, which generators have for it: after a `finally` that
 * waits, whoever runs the process by `yield*` would go on as if nothing had happened. So no process may catch;
 * what can go wrong comes as a `Result`.
 */
const cancellation = Symbol('cancelled');

/** Something that happens once. The first value counts. */
export class Signal<T> {
  #value: { readonly given: T } | undefined;
  readonly #waiting = new Set<{ readonly go: (value: T) => void }>();

  get given(): boolean {
    return this.#value !== undefined;
  }

  /** What was given; undefined as long as nothing was. */
  get value(): { readonly given: T } | undefined {
    return this.#value;
  }

  give(value: T): void {
    if (this.#value !== undefined) return;
    this.#value = { given: value };
    // One by one: whoever goes on may make another one stop waiting.
    for (const waiter of this.#waiting) {
      this.#waiting.delete(waiter);
      waiter.go(value);
    }
  }

  /**
   * Calls `go` with the value, now or when it is given. The returned function stops waiting for it. This is
   * not named `then`: `await` takes whatever has a `then` for a promise.
   */
  whenGiven(go: (value: T) => void): () => void {
    if (this.#value !== undefined) {
      go(this.#value.given);
      return () => undefined;
    }
    const waiter = { go };
    this.#waiting.add(waiter);
    return () => {
      this.#waiting.delete(waiter);
    };
  }
}

/** Carries a process out, and then gives a signal. */
export function* thenGive(course: Process<void>, end: Signal<void>): Process<void> {
  yield* course;
  end.give();
}

/** A running process. */
export interface Task {
  /**
   * Ends it where it waits or, from within it, at its next wait. What it waits for is given up: a delay is
   * ended in the world, the answer of another effect is ignored. Its `finally` blocks run, and what they wait
   * for is waited for. A second call does nothing, nor does one after its end.
   */
  cancel(): void;
}

/**
 * Runs processes: turns what they ask for into effects with request numbers, and answers into their
 * continuation.
 */
export class Tasks {
  #nextRequest = 1;
  #outbox: Effect[] = [];
  readonly #continuations = new Map<number, (answer: unknown) => void>();

  /** Starts a process. It runs at once up to its first wait. */
  run(course: Process<void>): Task {
    let cancel: 'no' | 'asked' | 'under way' = 'no';
    /** What it waits for; undefined while it runs, and after its end. */
    let waiting: { readonly isUninterrupted: boolean; readonly giveUp: () => void } | undefined;
    const goOn = (resume: () => IteratorResult<Wait, void>): void => {
      waiting = undefined;
      try {
        for (let step = resume(); step.done !== true;) {
          const waited = step.value;
          const isUninterrupted = waited.uninterrupted === true;
          if (cancel === 'asked' && !isUninterrupted) {
            cancel = 'under way';
            step = course.throw(cancellation);
          } else if (waited.kind === 'signal' && waited.signal.value !== undefined) {
            step = course.next(waited.signal.value.given);
          } else {
            const giveUp = this.#waitFor(waited, (answer) => {
              goOn(() => course.next(answer));
            });
            waiting = { isUninterrupted, giveUp };
            return;
          }
        }
      } catch (error) {
        if (error !== cancellation) throw error;
      }
    };
    goOn(() => course.next());
    return {
      cancel() {
        if (cancel !== 'no') return;
        cancel = 'asked';
        if (waiting === undefined || waiting.isUninterrupted) return;
        waiting.giveUp();
        cancel = 'under way';
        goOn(() => course.throw(cancellation));
      },
    };
  }

  /** Asks for an effect; `answered` is called with its answer. */
  ask<K extends AskedKind>(
    kind: K,
    args: ArgumentsOf<K>,
    answered: (answer: AnswerOf<K>) => void = () => undefined,
  ): number {
    return this.#emit(kind, args, answered as (answer: unknown) => void);
  }

  /** Asks for an effect that has no answer. */
  tell<K extends ToldKind>(kind: K, args: ToldEffects[K]): void {
    this.#outbox.push({ kind, ...args } as unknown as Effect);
  }

  /** Calls `elapsed` after a delay of monotonic time; the returned function cancels it. */
  after(delayMs: number, elapsed: () => void): () => void {
    return this.#waitFor({ kind: 'ask', ask: 'wait', args: { delayMs } }, elapsed);
  }

  /** Hands an answer to whoever asked. Answers to what was cancelled are ignored. */
  answer(request: number, answer: unknown): void {
    const go = this.#continuations.get(request);
    this.#continuations.delete(request);
    go?.(answer);
  }

  /** Takes what was asked for since the last time, in order. */
  takeEffects(): readonly Effect[] {
    const effects = this.#outbox;
    this.#outbox = [];
    return effects;
  }

  /** Calls `go` with what is waited for, later; the returned function gives it up. */
  #waitFor(wait: Wait, go: (answer: unknown) => void): () => void {
    if (wait.kind === 'signal') return wait.signal.whenGiven(go);
    const request = this.#emit(wait.ask, wait.args, go);
    return () => {
      // Only a delay can be ended in the world; there it would keep a timer.
      const isPending = this.#continuations.delete(request);
      if (isPending && wait.ask === 'wait') this.tell('cancel', { request });
    };
  }

  #emit(kind: AskedKind, args: object, go: (answer: unknown) => void): number {
    const request = this.#nextRequest++;
    this.#continuations.set(request, go);
    this.#outbox.push({ kind, request, ...args } as unknown as Effect);
    return request;
  }
}

/** Lets one process at a time pass; the others wait in order. Whoever is cancelled while waiting leaves the queue. */
export class Turnstile {
  readonly #queue = new Set<Signal<void>>();
  #occupied = false;
  #calling = false;

  *pass<T>(process: Process<T>): Process<T> {
    if (this.#occupied || this.#queue.size > 0) yield* this.#wait();
    this.#occupied = true;
    try {
      return yield* process;
    } finally {
      this.#occupied = false;
      this.#callNext();
    }
  }

  *#wait(): Process<void> {
    const turn = new Signal<void>();
    this.#queue.add(turn);
    try {
      yield* wait(turn);
    } finally {
      this.#queue.delete(turn);
    }
  }

  /** A loop and no recursion: thousands may wait, and pass without a wait of their own. */
  #callNext(): void {
    if (this.#calling) return;
    this.#calling = true;
    try {
      for (const turn of this.#queue) {
        if (this.#occupied) break;
        turn.give();
      }
    } finally {
      this.#calling = false;
    }
  }
}
