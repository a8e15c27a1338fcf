import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DocumentBrake } from '../../../agent/core/document-brake.js';
import { Tasks } from '../../../agent/core/process.js';

/** Documents by the second in which each comes; what was looked at, and how the flood ended. */
function flood(arrivalsMs: readonly number[]) {
  const tasks = new Tasks();
  let nowMs = 0;
  const taken: { readonly number: number; readonly atMs: number }[] = [];
  let superseded = 0;
  let calmed = 0;
  const timers: { readonly dueMs: number; readonly request: number }[] = [];
  const brake = new DocumentBrake(tasks, () => nowMs, {
    take: ([high = 0, low = 0]) => taken.push({ number: high * 256 + low, atMs: nowMs }),
    superseded: () => superseded++,
    calmed: () => calmed++,
  });
  const passUntil = (untilMs: number): void => {
    for (;;) {
      for (const effect of tasks.takeEffects()) {
        assert.equal(effect.kind, 'wait');
        timers.push({ dueMs: nowMs + effect.delayMs, request: effect.request });
      }
      const next = timers.findIndex(({ dueMs }) => dueMs <= untilMs);
      const [timer] = next < 0 ? [] : timers.splice(next, 1);
      if (timer === undefined) break;
      nowMs = Math.max(nowMs, timer.dueMs);
      tasks.answer(timer.request, undefined);
    }
    nowMs = untilMs;
  };
  arrivalsMs.forEach((atMs, i) => {
    passUntil(atMs);
    brake.message(Uint8Array.of(i >> 8, i & 255));
  });
  passUntil(nowMs + 10_000);
  return { taken, superseded, calmed, idle: timers.length === 0 };
}

describe('The brake of a topic of documents', () => {
  it('looks at documents that come rarely at once', () => {
    const { taken, superseded, calmed } = flood([0, 1_000, 1_100, 1_200, 5_000]);
    assert.deepEqual(
      taken.map(({ atMs }) => atMs),
      [0, 1_000, 1_100, 1_200, 5_000],
    );
    assert.deepEqual([superseded, calmed], [0, 0]);
  });

  it('looks at few of a flood, the newest among them, and then asks for what is retained', () => {
    const { taken, superseded, calmed } = flood(Array.from({ length: 2_000 }, (_, i) => i));
    assert.ok(taken.length <= 3 * 4, `${taken.length} of 2000 in two seconds`);
    assert.equal(taken.at(-1)?.number, 1_999);
    assert.equal(taken.length + superseded, 2_000);
    assert.equal(calmed, 1);
  });

  it('looks at the newest and at no more than four in a second, whenever documents come', () => {
    const arrivals = fc.array(fc.nat(600), { minLength: 1, maxLength: 300 }).map((gaps) =>
      gaps.map(
        (
          (sum) => (gap: number) =>
            (sum += gap)
        )(0),
      ),
    );
    fc.assert(
      fc.property(arrivals, (arrivalsMs) => {
        const { taken, superseded, calmed, idle } = flood(arrivalsMs);
        assert.equal(taken.at(-1)?.number, arrivalsMs.length - 1);
        assert.equal(taken.length + superseded, arrivalsMs.length);
        assert.equal(calmed > 0, superseded > 0);
        assert.ok(idle);
        taken.forEach(({ number, atMs }, i) => {
          const fifth = taken[i + 4];
          assert.ok(fifth === undefined || fifth.atMs - atMs > 0);
          assert.ok(number > (taken[i - 1]?.number ?? -1));
        });
        const seconds = (arrivalsMs.at(-1) ?? 0) / 1_000 + 2;
        assert.ok(taken.length <= 4 * Math.ceil(seconds));
      }),
    );
  });
});
