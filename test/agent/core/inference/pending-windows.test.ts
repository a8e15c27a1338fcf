import assert from 'node:assert/strict';
import fc from 'fast-check';
import { PendingWindows } from '../../../../agent/core/inference/pending-windows.js';
import { limits } from '../../../../protocol/limits.js';

const window = (number: number, values = 1, monotonicMs = 0) => ({
  number,
  at: { wallMs: 0, monotonicMs },
  place: { stretch: {}, frame: 0 },
  untilMs: monotonicMs,
  values: new Float32Array(values),
});

const drain = (pending: PendingWindows): number[] => {
  const numbers: number[] = [];
  for (let next = pending.take(); next !== undefined; next = pending.take()) {
    numbers.push(next.number);
  }
  return numbers;
};

describe('Windows that wait', () => {
  it('are as many as one message brings where they are small', () => {
    const pending = new PendingWindows();
    const dropped: number[] = [];
    for (let i = 1; i <= 5_000; i++) {
      pending.add(window(i, 768), ({ number }) => dropped.push(number));
    }
    assert.deepEqual(dropped, []);
    assert.equal(pending.length, 5_000);
    assert.deepEqual(
      drain(pending),
      Array.from({ length: 5_000 }, (_, i) => i + 1),
    );
    assert.equal(pending.bytes, 0);
  });

  it('lose the oldest, and no more than they must, where they are large', () => {
    const pending = new PendingWindows();
    const dropped: number[] = [];
    for (let i = 1; i <= 12; i++) {
      pending.add(window(i, limits.windowValues), ({ number }) => dropped.push(number));
    }
    assert.ok(pending.bytes <= limits.pendingBytes);
    assert.deepEqual(dropped, [1, 2, 3, 4, 5]);
    assert.deepEqual(drain(pending), [6, 7, 8, 9, 10, 11, 12]);
  });

  it('are bounded in memory also where each has one value', () => {
    const pending = new PendingWindows();
    let dropped = 0;
    const many = 300_000;
    for (let i = 1; i <= many; i++) pending.add(window(i), () => dropped++);
    assert.ok(pending.length * 256 <= limits.pendingBytes);
    assert.equal(pending.length + dropped, many);
  });

  it('lose those that have waited too long, but never the last few', () => {
    const pending = new PendingWindows();
    const never = (): void => {
      assert.fail('nothing is dropped');
    };
    for (let i = 1; i <= 12; i++) pending.add(window(i, 1, 10 * i), never);
    const dropped: number[] = [];
    pending.dropLate(30, ({ number }) => dropped.push(number));
    assert.deepEqual(dropped, [1, 2]);
    pending.dropLate(1_000, ({ number }) => dropped.push(number));
    assert.deepEqual(dropped, [1, 2, 3, 4]);
    assert.deepEqual(drain(pending), [5, 6, 7, 8, 9, 10, 11, 12]);
    assert.equal(pending.oldestMs, undefined);
  });

  it('come out in their order, each once, whatever is done in between', () => {
    const step = fc.oneof(fc.constant('take' as const), fc.integer({ min: 0, max: 2_000_000 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const pending = new PendingWindows();
        const out: number[] = [];
        let added = 0;
        for (const values of steps) {
          if (values === 'take') {
            const taken = pending.take();
            if (taken !== undefined) out.push(taken.number);
          } else {
            pending.add(window(++added, values), ({ number }) => out.push(number));
          }
        }
        out.push(...drain(pending));
        assert.deepEqual(
          out,
          Array.from({ length: added }, (_, i) => i + 1),
        );
        assert.equal(pending.bytes, 0);
      }),
      { numRuns: 50 },
    );
  });
});
