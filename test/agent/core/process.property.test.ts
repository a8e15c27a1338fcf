import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  ask,
  Signal,
  Tasks,
  Turnstile,
  uninterrupted,
  wait,
  type Process,
  type Task,
} from '../../../agent/core/process.js';

const taskCount = 4;
const signalCount = 3;

/** One step of a random process. */
type Step =
  | { readonly kind: 'ask' | 'delay' }
  | { readonly kind: 'wait' | 'give'; readonly signal: number }
  | { readonly kind: 'cancel'; readonly task: number }
  | { readonly kind: 'pass'; readonly body: readonly Step[] }
  | {
      readonly kind: 'try';
      readonly body: readonly Step[];
      readonly cleanUp: readonly Step[];
      readonly isUninterrupted: boolean;
    };

/** What happens to the processes from outside. */
type Event =
  | { readonly kind: 'answer'; readonly which: number }
  | { readonly kind: 'give'; readonly signal: number }
  | { readonly kind: 'cancel'; readonly task: number };

/** Where in a process a step is taken. */
interface Place {
  readonly self: number;
  readonly isCleanUp: boolean;
  readonly isInside: boolean;
}

const task = fc.nat({ max: taskCount - 1 });
const signal = fc.nat({ max: signalCount - 1 });
const kind = <K extends string>(...kinds: K[]): fc.Arbitrary<K> => fc.constantFrom(...kinds);
const simple = fc.oneof(
  fc.record({ kind: kind('ask', 'delay') }),
  fc.record({ kind: kind('wait', 'give'), signal }),
  fc.record({ kind: kind('cancel'), task }),
);
const { steps } = fc.letrec<{ step: Step; steps: readonly Step[] }>((tie) => ({
  step: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 4, arbitrary: simple },
    { weight: 1, arbitrary: fc.record({ kind: kind('pass'), body: tie('steps') }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: kind('try'),
        body: tie('steps'),
        cleanUp: fc.array(simple, { maxLength: 3 }),
        isUninterrupted: fc.boolean(),
      }),
    },
  ),
  steps: fc.array(tie('step'), { maxLength: 5 }),
}));
const events = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: kind('answer'), which: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: kind('give'), signal }) },
    { weight: 2, arbitrary: fc.record({ kind: kind('cancel'), task }) },
  ),
  { maxLength: 30 },
);

describe('Random processes with random cancels, from outside and from within', () => {
  it('end, clean up, wait for nothing after a cancel, and leave nothing behind', () => {
    const programs = fc.array(steps, { minLength: taskCount, maxLength: taskCount });
    fc.assert(
      fc.property(programs, events, (bodies, happenings) => {
        const play = new Play(bodies);
        for (const event of happenings) play.happen(event);
        play.finish();
      }),
      { numRuns: 3_000, seed: 1 },
    );
  });
});

/** Runs the programs, and checks while they run. */
class Play {
  readonly #tasks = new Tasks();
  readonly #turnstile = new Turnstile();
  readonly #signals = Array.from({ length: signalCount }, () => new Signal<void>());
  readonly #running: Task[] = [];
  readonly #cancelled = new Set<number>();
  readonly #ended = new Set<number>();
  /** Effects that were neither answered nor cancelled. */
  readonly #pending = new Map<number, string>();
  /** Who came to the turnstile, in order, and was not let in yet. */
  readonly #arrived: object[] = [];
  #inside = 0;
  #cleanUpsDue = 0;

  constructor(bodies: readonly (readonly Step[])[]) {
    for (const [i, body] of bodies.entries()) {
      this.#running[i] = this.#tasks.run(this.#life(i, body));
      this.#takeEffects();
    }
  }

  happen(event: Event): void {
    if (event.kind === 'give') this.#signals[event.signal]?.give();
    else if (event.kind === 'cancel') this.#cancel(event.task);
    else this.#answer(event.which);
    this.#takeEffects();
  }

  /** Everything that is waited for comes; then everything must be over. */
  finish(): void {
    for (const each of this.#signals) each.give();
    this.#takeEffects();
    while (this.#pending.size > 0) this.happen({ kind: 'answer', which: 0 });
    assert.equal(this.#ended.size, this.#running.length, 'a process is not at its end');
    assert.equal(this.#inside, 0);
    assert.equal(this.#cleanUpsDue, 0, 'a finally block was not carried out');
  }

  *#life(self: number, body: readonly Step[]): Process<void> {
    try {
      yield* this.#run(body, { self, isCleanUp: false, isInside: false });
    } finally {
      this.#ended.add(self);
    }
  }

  *#run(body: readonly Step[], place: Place): Process<void> {
    for (const step of body) {
      switch (step.kind) {
        case 'ask':
          yield* ask('freeBytes', {});
          break;
        case 'delay':
          yield* ask('wait', { delayMs: 1 });
          break;
        case 'wait':
          yield* wait(this.#signals[step.signal] ?? new Signal<void>());
          break;
        case 'give':
          this.#signals[step.signal]?.give();
          break;
        case 'cancel':
          this.#cancel(step.task);
          break;
        case 'pass':
          // Whoever is inside would wait for himself.
          if (place.isInside) yield* this.#run(step.body, place);
          else yield* this.#pass(step.body, place);
          break;
        case 'try':
          yield* this.#try(step, place);
          break;
      }
      const waited = step.kind === 'ask' || step.kind === 'delay' || step.kind === 'wait';
      if (waited && !place.isCleanUp) {
        assert.ok(!this.#cancelled.has(place.self), 'a process went on after it was cancelled');
      }
    }
  }

  *#try(step: Step & { readonly kind: 'try' }, place: Place): Process<void> {
    const { body, cleanUp, isUninterrupted } = step;
    let isThrough = false;
    try {
      yield* this.#run(body, place);
      isThrough = true;
    } finally {
      // A plain finally block is carried out for sure where a cancel has brought the process there.
      const isCertain = isUninterrupted || !isThrough;
      if (isCertain) this.#cleanUpsDue++;
      const cleaning = this.#run(cleanUp, { ...place, isCleanUp: true });
      yield* isUninterrupted ? uninterrupted(cleaning) : cleaning;
      if (isCertain) this.#cleanUpsDue--;
    }
  }

  *#pass(body: readonly Step[], place: Place): Process<void> {
    const me = {};
    this.#arrived.push(me);
    try {
      yield* this.#turnstile.pass(this.#inTurn(me, body, place));
    } finally {
      const at = this.#arrived.indexOf(me);
      if (at >= 0) this.#arrived.splice(at, 1);
    }
  }

  *#inTurn(me: object, body: readonly Step[], place: Place): Process<void> {
    assert.equal(this.#arrived.shift(), me, 'somebody was let in out of order');
    assert.equal(++this.#inside, 1, 'two are inside');
    try {
      yield* this.#run(body, { ...place, isInside: true });
    } finally {
      this.#inside--;
    }
  }

  #cancel(which: number): void {
    const running = this.#running[which];
    if (running === undefined) return;
    if (!this.#ended.has(which)) this.#cancelled.add(which);
    running.cancel();
  }

  #answer(which: number): void {
    const requests = [...this.#pending.keys()];
    const request = requests[which % requests.length];
    if (request === undefined) return;
    this.#pending.delete(request);
    this.#tasks.answer(request, undefined);
  }

  #takeEffects(): void {
    for (const effect of this.#tasks.takeEffects()) {
      if (effect.kind === 'cancel') {
        assert.equal(this.#pending.get(effect.request), 'wait', 'what was cancelled was no delay');
        this.#pending.delete(effect.request);
      } else if ('request' in effect) this.#pending.set(effect.request, effect.kind);
    }
  }
}
