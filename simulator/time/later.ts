import type { Lane } from './lane.js';

/**
 * What a simulated port answers with: a value that comes later, at an instant of virtual time. It is no native
 * promise, because the order of those is that of the engine's microtasks, and the order of a run is that of its
 * lanes. It never rejects.
 */
export class Later<T> implements PromiseLike<T> {
  readonly #lane: Lane;
  #settled: { readonly value: T } | undefined;
  /** Who waits: mostly one. */
  #first: ((value: T) => void) | undefined;
  #others: ((value: T) => void)[] | undefined;

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  /** A value that is there now, and is handed out later at this instant. */
  static of<T>(lane: Lane, value: T): Later<T> {
    const later = new Later<T>(lane);
    later.#settled = { value };
    return later;
  }

  /** Hands the value to all who wait. Only the first one counts. */
  settle(value: T): void {
    if (this.#settled !== undefined) return;
    this.#settled = { value };
    const [first, others] = [this.#first, this.#others];
    this.#first = undefined;
    this.#others = undefined;
    if (first !== undefined) this.#wake(first, value);
    if (others !== undefined) for (const wake of others) this.#wake(wake, value);
  }

  then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
  ): PromiseLike<A | B> {
    const next = new Later<A>(this.#lane);
    const wake = (value: T): void => {
      const made = fulfilled ? fulfilled(value) : (value as unknown as A);
      if (isThenable(made))
        made.then((inner) => {
          next.settle(inner);
        });
      else next.settle(made);
    };
    const settled = this.#settled;
    if (settled !== undefined) this.#wake(wake, settled.value);
    else if (this.#first === undefined) this.#first = wake;
    else (this.#others ??= []).push(wake);
    return next;
  }

  #wake(wake: (value: T) => void, value: T): void {
    this.#lane.soon(() => {
      wake(value);
    });
  }
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value;
}
