import assert from 'node:assert/strict';
import fc from 'fast-check';
import { SeenWindows } from '../../../operator/fleet/seen-windows.js';

describe('the windows that were seen', () => {
  it('are told from new ones in any order, with any repetition', () => {
    const number = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 60 }));
    fc.assert(
      fc.property(fc.array(number, { maxLength: 300 }), (numbers) => {
        const seen = new SeenWindows();
        const model = new Set<string>();
        for (const [boot, window] of numbers) {
          const key = `${boot}/${window}`;
          assert.equal(seen.add(boot, window), !model.has(key), key);
          model.add(key);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('tell how many between them are missing, of the latest boot', () => {
    const seen = new SeenWindows();
    assert.equal(seen.missing, 0);
    for (const window of [4, 9, 6, 6]) seen.add(1, window);
    assert.equal(seen.missing, 3);
    seen.add(1, 5);
    assert.equal(seen.missing, 2);
    seen.add(2, 7);
    assert.equal(seen.missing, 0);
  });

  it('count nothing twice when there are more gaps than are kept', () => {
    const seen = new SeenWindows();
    for (let window = 1; window < 4_000; window += 2) assert.ok(seen.add(1, window));
    for (let window = 1; window < 4_000; window += 2) assert.ok(!seen.add(1, window));
    // The oldest gaps are given up, the latest are kept.
    assert.equal(seen.add(1, 2), false);
    assert.equal(seen.add(1, 3_998), true);
  });

  it('count nothing twice when there are more boots than are kept', () => {
    const seen = new SeenWindows();
    for (let boot = 1; boot <= 2_000; boot++) assert.ok(seen.add(boot, 1));
    for (let boot = 1; boot <= 2_000; boot++) assert.ok(!seen.add(boot, 1));
  });
});
