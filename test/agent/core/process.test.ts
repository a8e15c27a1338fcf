import assert from 'node:assert/strict';
import { ask, Signal, Tasks, Turnstile, wait, type Process } from '../../../agent/core/process.js';

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
});

function kindsOf(tasks: Tasks): string[] {
  return tasks
    .takeEffects()
    .map((effect) => `${effect.kind} ${'request' in effect ? effect.request : ''}`);
}
