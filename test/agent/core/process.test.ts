import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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

describe('Tasks', () => {
  it('turns what a process asks for into effects and goes on with their answers', () => {
    const tasks = new Tasks();
    const seen: unknown[] = [];
    tasks.run(
      (function* () {
        seen.push(yield* ask('digest', { bytes: Uint8Array.of(1) }));
        seen.push(yield* ask('freeBytes', {}));
      })(),
    );
    assert.deepEqual(kindsOf(tasks), ['digest 1']);
    tasks.answer(1, 'a digest');
    assert.deepEqual(kindsOf(tasks), ['freeBytes 2']);
    tasks.answer(2, 'room');
    assert.deepEqual(seen, ['a digest', 'room']);
  });

  it('ignores the answers to what was cancelled, and runs its finally blocks', () => {
    const tasks = new Tasks();
    const seen: string[] = [];
    const task = tasks.run(
      (function* () {
        try {
          yield* ask('freeBytes', {});
          seen.push('answered');
        } finally {
          seen.push('cleaned up');
        }
      })(),
    );
    task.cancel();
    tasks.answer(1, undefined);
    assert.deepEqual(seen, ['cleaned up']);
  });

  it('ends a task that cancels itself at its next wait, for which it asks nobody', () => {
    const tasks = new Tasks();
    const seen: string[] = [];
    const own: { task?: Task } = {};
    own.task = tasks.run(
      (function* () {
        try {
          yield* ask('freeBytes', {});
          own.task?.cancel();
          seen.push('still runs');
          yield* ask('list', { folder: 'images' });
          seen.push('went on');
        } finally {
          seen.push('cleaned up');
        }
      })(),
    );
    tasks.answer(1, undefined);
    assert.deepEqual(seen, ['still runs', 'cleaned up']);
    assert.deepEqual(kindsOf(tasks), ['freeBytes 1']);
  });

  it('does nothing where a task cancels itself and never waits again', () => {
    const tasks = new Tasks();
    const own: { task?: Task } = {};
    own.task = tasks.run(
      (function* () {
        yield* ask('freeBytes', {});
        own.task?.cancel();
      })(),
    );
    tasks.answer(1, undefined);
    own.task.cancel();
    assert.deepEqual(kindsOf(tasks), ['freeBytes 1']);
  });

  it('carries out what the finally block of a cancelled task waits for, and hears of no second cancel', () => {
    const tasks = new Tasks();
    const seen: unknown[] = [];
    const task = tasks.run(
      (function* () {
        try {
          yield* ask('wait', { delayMs: 5 });
        } finally {
          seen.push(yield* ask('freeBytes', {}));
          seen.push(yield* ask('digest', { bytes: new Uint8Array() }));
        }
      })(),
    );
    task.cancel();
    tasks.answer(2, 'room');
    task.cancel();
    tasks.answer(3, 'a digest');
    assert.deepEqual(seen, ['room', 'a digest']);
    assert.deepEqual(kindsOf(tasks), ['wait 1', 'cancel 1', 'freeBytes 2', 'digest 3']);
  });

  it('does not go on in the process around one whose finally block had to wait', () => {
    const tasks = new Tasks();
    const seen: string[] = [];
    const inner = function* (): Process<void> {
      try {
        yield* ask('freeBytes', {});
      } finally {
        yield* ask('digest', { bytes: new Uint8Array() });
        seen.push('inner cleaned up');
      }
    };
    const task = tasks.run(
      (function* () {
        try {
          yield* inner();
          seen.push('went on');
        } finally {
          seen.push('outer cleaned up');
        }
      })(),
    );
    task.cancel();
    tasks.answer(2, undefined);
    assert.deepEqual(seen, ['inner cleaned up', 'outer cleaned up']);
  });

  it('carries what is uninterrupted to its end, and cancels at the wait after it', () => {
    const tasks = new Tasks();
    const seen: unknown[] = [];
    const task = tasks.run(
      (function* () {
        seen.push(yield* uninterrupted(ask('freeBytes', {})));
        yield* ask('wait', { delayMs: 5 });
        seen.push('went on');
      })(),
    );
    task.cancel();
    tasks.answer(1, 'room');
    assert.deepEqual(seen, ['room']);
    assert.deepEqual(kindsOf(tasks), ['freeBytes 1']);
  });

  it('ends a delay in the world where the task that waits for it is cancelled', () => {
    const tasks = new Tasks();
    tasks.run(pause()).cancel();
    assert.deepEqual(kindsOf(tasks), ['wait 1', 'cancel 1']);
  });

  it('lets what a process throws out of the step, from an answer and from a cancel', () => {
    const tasks = new Tasks();
    const broken = new Error('a broken invariant');
    const failing = function* (): Process<void> {
      try {
        yield* ask('freeBytes', {});
      } finally {
        // eslint-disable-next-line no-unsafe-finally -- what a finally block throws must not get lost either
        throw broken;
      }
    };
    const cancelled = tasks.run(failing());
    tasks.run(failing());
    assert.throws(() => {
      tasks.answer(2, undefined);
    }, broken);
    assert.throws(() => {
      cancelled.cancel();
    }, broken);
  });

  it('follows ten thousand signals that were given before', () => {
    const tasks = new Tasks();
    const signal = new Signal<number>();
    signal.give(1);
    let sum = 0;
    tasks.run(
      (function* () {
        for (let i = 0; i < 10_000; i++) sum += yield* wait(signal);
      })(),
    );
    assert.equal(sum, 10_000);
  });

  it('cancels a wait, and ignores the wake-up that was already under way', () => {
    const tasks = new Tasks();
    let elapsed = 0;
    const cancel = tasks.after(100, () => elapsed++);
    cancel();
    cancel();
    tasks.answer(1, undefined);
    assert.deepEqual(kindsOf(tasks), ['wait 1', 'cancel 1']);
    assert.equal(elapsed, 0);
  });
});

describe('Signal', () => {
  it('lets those who came before and those who come after go on with the first value', () => {
    const tasks = new Tasks();
    const signal = new Signal<number>();
    const seen: number[] = [];
    const waiting = function* (): Process<void> {
      seen.push(yield* wait(signal));
    };
    tasks.run(waiting());
    signal.give(1);
    signal.give(2);
    tasks.run(waiting());
    assert.deepEqual(seen, [1, 1]);
  });

  it('is nothing that await would take for a promise', () => {
    assert.ok(!('then' in new Signal()));
  });

  it('does not let a task go on that another waiter of the same signal has cancelled', () => {
    const tasks = new Tasks();
    const signal = new Signal<void>();
    const seen: string[] = [];
    const second: { task?: Task } = {};
    tasks.run(
      (function* () {
        yield* wait(signal);
        second.task?.cancel();
      })(),
    );
    second.task = tasks.run(
      (function* () {
        yield* wait(signal);
        seen.push('went on');
      })(),
    );
    signal.give();
    assert.deepEqual(seen, []);
  });

  it('keeps nothing of a task that was cancelled while it waited', async () => {
    const tasks = new Tasks();
    const signal = new Signal<void>();
    const waitFor = (): WeakRef<object> => {
      const course = wait(signal);
      tasks.run(course).cancel();
      return new WeakRef(course);
    };
    const course = waitFor();
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    assert.equal(course.deref(), undefined);
    assert.equal(signal.given, false);
  });
});

describe('Turnstile', () => {
  it('lets one process pass at a time, in order, also past one that was cancelled while waiting', () => {
    const tasks = new Tasks();
    const turnstile = new Turnstile();
    const seen: string[] = [];
    const passing = function* (name: string): Process<void> {
      seen.push(`${name} in`);
      yield* ask('freeBytes', {});
      seen.push(`${name} out`);
    };
    tasks.run(turnstile.pass(passing('first')));
    const second = tasks.run(turnstile.pass(passing('second')));
    tasks.run(turnstile.pass(passing('third')));
    second.cancel();
    assert.deepEqual(seen, ['first in']);
    tasks.answer(1, undefined);
    assert.deepEqual(seen, ['first in', 'first out', 'third in']);
  });

  it('keeps who was cancelled in his place until his finally block is through', () => {
    const tasks = new Tasks();
    const turnstile = new Turnstile();
    const seen: string[] = [];
    const first = tasks.run(
      turnstile.pass(
        (function* () {
          try {
            yield* ask('freeBytes', {});
          } finally {
            yield* ask('digest', { bytes: new Uint8Array() });
            seen.push('first cleaned up');
          }
        })(),
      ),
    );
    tasks.run(
      turnstile.pass(
        // eslint-disable-next-line require-yield -- it only says when it was its turn
        (function* () {
          seen.push('second in');
        })(),
      ),
    );
    first.cancel();
    assert.deepEqual(seen, []);
    tasks.answer(2, undefined);
    assert.deepEqual(seen, ['first cleaned up', 'second in']);
  });

  it('lets ten thousand pass that have nothing to wait for, in order, and nobody ahead of them', () => {
    const tasks = new Tasks();
    const turnstile = new Turnstile();
    const seen: number[] = [];
    // eslint-disable-next-line require-yield -- a refusal needs no wait
    const passing = function* (n: number): Process<void> {
      seen.push(n);
    };
    tasks.run(turnstile.pass(pause()));
    for (let n = 0; n < 10_000; n++) {
      tasks.run(
        (function* () {
          yield* turnstile.pass(passing(n));
          if (n === 0) yield* turnstile.pass(passing(10_000));
        })(),
      );
    }
    tasks.answer(1, undefined);
    assert.deepEqual(
      seen,
      Array.from({ length: 10_001 }, (_, n) => n),
    );
  });
});

function* pause(): Process<void> {
  yield* ask('wait', { delayMs: 100 });
}

/** Collects garbage, as nothing but a flag of V8 allows. */
function collect(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

function kindsOf(tasks: Tasks): string[] {
  return tasks
    .takeEffects()
    .map((effect) => `${effect.kind} ${'request' in effect ? effect.request : ''}`);
}
