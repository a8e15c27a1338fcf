import assert from 'node:assert/strict';
import { BackOff } from '../../../../agent/core/back-off.js';
import { Exchange } from '../../../../agent/core/exchange.js';
import { ask, Tasks, type Process } from '../../../../agent/core/process.js';
import { fetchRetained } from '../../../../agent/core/store/retained-fetch.js';
import { accept, refuse, type Result } from '../../../../protocol/result.js';

const right = Uint8Array.of(1);
const wrong = Uint8Array.of(0);

/** A fetch of one item from a broker that the test plays, in a time that passes when the test says so. */
function fetchOne() {
  const tasks = new Tasks();
  const exchange = new Exchange(tasks);
  let nowMs = 0;
  let checks = 0;
  let subscriptions = 0;
  let retained: Uint8Array = wrong;
  let kept = false;
  const timers: { readonly dueMs: number; readonly request: number }[] = [];
  const settle = (): void => {
    for (const effect of tasks.takeEffects()) {
      if (effect.kind === 'wait') {
        timers.push({ dueMs: nowMs + effect.delayMs, request: effect.request });
      } else if (effect.kind === 'traffic') {
        tasks.answer(effect.request, { receivedBytes: nowMs, packetBytes: 0 });
        settle();
      } else if (effect.kind === 'digest') {
        checks++;
        tasks.answer(effect.request, effect.bytes);
        settle();
      } else if (effect.kind === 'write') {
        tasks.answer(effect.request, accept(undefined));
        settle();
      } else if (effect.kind === 'subscribe') {
        subscriptions++;
        tasks.answer(effect.request, accept(undefined));
        exchange.deliver(effect.topic, retained);
        settle();
      }
    }
  };
  function* check(_: number, bytes: Uint8Array): Process<Result<void>> {
    const [first] = yield* ask('digest', { bytes });
    return first === 1 ? accept(undefined) : refuse('block-invalid', 'not the one');
  }
  function* keep(_: number, bytes: Uint8Array): Process<Result<void>> {
    const written = yield* ask('write', { name: 'item', bytes });
    kept = true;
    return written;
  }
  function* run(): Process<void> {
    const items = {
      wanted: [0],
      topic: () => 'item',
      check,
      keep,
      missing: () => refuse('block-missing', 'nothing came').rejection,
      trouble: () => undefined,
      request: () => undefined,
      givesUp: () => false,
    };
    yield* fetchRetained(items, tasks, exchange, new BackOff(), () => nowMs);
  }
  exchange.begin();
  tasks.run(run());
  settle();
  return {
    pass(ms: number): void {
      nowMs += ms;
      for (;;) {
        const next = timers.findIndex(({ dueMs }) => dueMs <= nowMs);
        const [timer] = next < 0 ? [] : timers.splice(next, 1);
        if (timer === undefined) return;
        tasks.answer(timer.request, undefined);
        settle();
      }
    },
    publish(payload: Uint8Array, isRetained: boolean): void {
      if (isRetained) retained = payload;
      exchange.deliver('item', payload);
      settle();
    },
    get seen() {
      return { checks, subscriptions, kept };
    },
  };
}

describe('A fetch of retained messages under a flood of wrong ones', () => {
  it('looks at a few in a second', () => {
    const fetch = fetchOne();
    const seconds = 5;
    for (let i = 0; i < 1_000 * seconds; i++) {
      fetch.publish(wrong, false);
      fetch.pass(1);
    }
    const { checks, kept } = fetch.seen;
    assert.ok(checks > seconds && checks <= 4 * (seconds + 2), `${checks} looks`);
    assert.ok(!kept);
  });

  it('keeps the right one that came in the middle of the flood, soon after its end', () => {
    const fetch = fetchOne();
    for (let i = 0; i < 500; i++) fetch.publish(wrong, false);
    fetch.publish(right, true);
    for (let i = 0; i < 500; i++) fetch.publish(wrong, false);
    assert.ok(!fetch.seen.kept);
    for (let i = 0; i < 4; i++) fetch.pass(1_000);
    assert.ok(fetch.seen.kept);
    assert.ok(fetch.seen.subscriptions <= 3, `${fetch.seen.subscriptions} subscriptions`);
  });

  it('looks at no more once it has the right one', () => {
    const fetch = fetchOne();
    fetch.publish(right, true);
    const { checks } = fetch.seen;
    for (let i = 0; i < 10; i++) fetch.publish(wrong, false);
    fetch.pass(5_000);
    assert.deepEqual(fetch.seen, { checks, subscriptions: 1, kept: true });
  });
});
