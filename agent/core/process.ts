import type { AnswerOf, ArgumentsOf, AskedKind, Effect, ToldEffects, ToldKind } from './effect.js';

/**
 * A course of decisions with waits in between, written as a generator: `yield* ask('read', …)` hands an
 * effect to the outside and goes on when its answer comes back as an input. Nothing here is
 * asynchronous: the order of a run is the order of the inputs.
 */
export type Process<T> = Generator<Wait, T, unknown>;

type Wait =
  | { readonly kind: 'ask'; readonly ask: AskedKind; readonly args: object }
  | { readonly kind: 'signal'; readonly signal: Signal<unknown> };

/** Asks for an effect and waits for its answer. */
export function* ask<K extends AskedKind>(kind: K, args: ArgumentsOf<K>): Process<AnswerOf<K>> {
  return (yield { kind: 'ask', ask: kind, args }) as AnswerOf<K>;
}

/** Waits until the signal is given; goes on at once if it was given before. */
export function* wait<T>(signal: Signal<T>): Process<T> {
  return (yield { kind: 'signal', signal: signal as Signal<unknown> }) as T;
}

/** Something that happens once. The first value counts. */
export class Signal<T> {
  #value: { readonly given: T } | undefined;
  #waiting: ((value: T) => void)[] = [];

  get given(): boolean {
    return this.#value !== undefined;
  }

  give(value: T): void {
    if (this.#value !== undefined) return;
    this.#value = { given: value };
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go(value);
  }

  /** Calls `go` with the value, now or when it is given. */
  then(go: (value: T) => void): void {
    if (this.#value !== undefined) go(this.#value.given);
    else this.#waiting.push(go);
  }
}

/** A running process. */
export interface Task {
  /** Ends it where it waits; answers that are still under way are ignored. Its `finally` blocks run. */
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
    let cancelled = false;
    const go = (value: unknown): void => {
      if (cancelled) return;
      const step = course.next(value);
      if (step.done === true) return;
      const waited = step.value;
      if (waited.kind === 'signal') waited.signal.then(go);
      else this.#emit(waited.ask, waited.args, go);
    };
    go(undefined);
    return {
      cancel() {
        if (cancelled) return;
        cancelled = true;
        course.return();
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
    const request = this.ask('wait', { delayMs }, elapsed);
    return () => {
      if (this.#continuations.delete(request)) this.tell('cancel', { request });
    };
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

  #emit(kind: AskedKind, args: object, go: (answer: unknown) => void): number {
    const request = this.#nextRequest++;
    this.#continuations.set(request, go);
    this.#outbox.push({ kind, request, ...args } as unknown as Effect);
    return request;
  }
}

/** Lets one process at a time pass; the others wait in order. */
export class Turnstile {
  #last: Signal<void> | undefined;

  *pass<T>(process: Process<T>): Process<T> {
    const before = this.#last;
    const mine = new Signal<void>();
    this.#last = mine;
    try {
      if (before !== undefined) yield* wait(before);
      return yield* process;
    } finally {
      // Whoever is cancelled while waiting lets the next one pass only after the one before.
      if (before === undefined) mine.give();
      else
        before.then(() => {
          mine.give();
        });
    }
  }
}
