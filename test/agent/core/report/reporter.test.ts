import assert from 'node:assert/strict';
import { Reporter } from '../../../../agent/core/report/reporter.js';
import { Tasks } from '../../../../agent/core/process.js';
import type { Report } from '../../../../protocol/messages/event.js';

/** A reporter in a time that passes when the test says so. */
function createWorld() {
  const tasks = new Tasks();
  const told: Report[] = [];
  let nowMs = 0;
  let timers: { readonly dueMs: number; readonly request: number }[] = [];
  const reporter = new Reporter(
    tasks,
    () => nowMs,
    (report) => told.push(report),
  );
  const settle = (): void => {
    for (const effect of tasks.takeEffects()) {
      assert.equal(effect.kind, 'wait');
      timers.push({ dueMs: nowMs + effect.delayMs, request: effect.request });
    }
  };
  return {
    told,
    reporter,
    pass: (ms: number): void => {
      const untilMs = nowMs + ms;
      settle();
      for (;;) {
        const [next] = timers.filter(({ dueMs }) => dueMs <= untilMs);
        if (next === undefined) break;
        timers = timers.filter((timer) => timer !== next);
        nowMs = next.dueMs;
        tasks.answer(next.request, undefined);
        settle();
      }
      nowMs = untilMs;
    },
  };
}

const refused = (change: Partial<Report> = {}): Report => ({
  event: 'document-refused',
  slot: 'vibration',
  code: 'cbor-truncated',
  reason: 'too short',
  ...change,
});

describe('The reporter', () => {
  it('tells the first of a cause at once, and the others once a minute with their count', () => {
    const { reporter, told, pass } = createWorld();
    for (let second = 0; second < 150; second++) {
      for (let i = 0; i < 10; i++) reporter.report(refused({ reason: `document ${i}` }));
      pass(1_000);
    }
    assert.deepEqual(
      told.map(({ count }) => count),
      [undefined, 599, 600],
    );
    assert.equal(told[1]?.reason, 'document 9');
  });

  it('tells the rest of a flood although nothing comes after it', () => {
    const { reporter, told, pass } = createWorld();
    for (let i = 0; i < 5; i++) reporter.report(refused());
    pass(59_000);
    assert.equal(told.length, 1);
    pass(1_000);
    assert.deepEqual(told[1], { ...refused(), count: 4 });
    pass(600_000);
    assert.equal(told.length, 2);
    reporter.report(refused());
    assert.deepEqual(told[2], refused());
  });

  it('is not silenced by one cause about another', () => {
    const { reporter, told } = createWorld();
    const causes: readonly Report[] = [
      refused(),
      refused({ slot: 'vision' }),
      refused({ code: 'signature-invalid' }),
      refused({ topic: 'a' }),
      refused({ topic: 'b' }),
      { event: 'sample-refused', slot: 'vibration', code: 'picture-invalid' },
      { event: 'sample-refused', slot: 'vibration', code: 'subscription-refused' },
    ];
    for (let i = 0; i < 100; i++) for (const cause of causes) reporter.report(cause);
    assert.deepEqual(told, causes);
  });

  it('tells every phase of a release, however often', () => {
    const { reporter, told } = createWorld();
    for (let i = 0; i < 10; i++) reporter.report({ event: 'fetching', slot: 's', release: 1 });
    assert.equal(told.length, 10);
  });

  it('tells before the end what it has counted', () => {
    const { reporter, told } = createWorld();
    for (let i = 0; i < 5; i++) reporter.report(refused());
    reporter.flush();
    reporter.flush();
    assert.deepEqual(
      told.map(({ count }) => count),
      [undefined, 4],
    );
  });

  it('keeps little of ten thousand causes', () => {
    const { reporter, told } = createWorld();
    for (let i = 0; i < 10_000; i++) reporter.report(refused({ topic: String(i) }));
    assert.equal(told.length, 10_000);
  });
});
