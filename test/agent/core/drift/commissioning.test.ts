import assert from 'node:assert/strict';
import { Commissioning } from '../../../../agent/core/drift/commissioning.js';
import { Prng } from '../../../../simulator/prng.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** A daily wave with noise on it. */
const wave = (atMs: number, prng: Prng): number =>
  Math.sin((2 * Math.PI * atMs) / dayMs) + 0.1 * prng.noise();

function learn(commissioning: Commissioning, periodMs: number, fromMs = 0): number {
  const prng = Prng.fromSeed(3);
  let atMs = fromMs;
  for (; !commissioning.isOver; atMs += periodMs) {
    commissioning.add(Float64Array.of(wave(atMs, prng)), atMs);
  }
  return atMs;
}

describe('commissioning', () => {
  it('learns over the whole cycle in memory that does not grow, and comes near the exact bounds', () => {
    const thinned = new Commissioning(dayMs, 1);
    assert.equal(learn(thinned, 1_000), dayMs + 1_000);
    const { windows, rows, tails } = thinned.state;
    assert.equal(windows, 86_401);
    assert.ok(rows > 6_000 && rows <= 6_300, `${rows} rows`);
    assert.equal(tails[0]?.least.length, 64);
    const prng = Prng.fromSeed(3);
    const all = Array.from({ length: windows }, (_, i) => wave(i * 1_000, prng));
    all.sort((a, b) => a - b);
    const [first = 0, last = 0] = [0.01, 0.99].map((q) => all[Math.floor(q * windows)]);
    const [bounds] = thinned.bounds(() => 0.01);
    const width = last - first;
    assert.ok(Math.abs((bounds?.low ?? 0) - (first - width / 4)) < 0.02 * width);
    assert.ok(Math.abs((bounds?.high ?? 0) - (last + width / 4)) < 0.02 * width);
    assert.ok(Math.abs(thinned.windowsIn(30 * dayMs) / (30 * 86_400) - 1) < 0.001);
  });

  it('takes no silence for a part of the cycle, and goes on after a start where it was', () => {
    const before = new Commissioning(hourMs, 1);
    for (let i = 0; i <= 1_800; i++) before.add(Float64Array.of(i), i * 1_000);
    // A night without a window.
    before.add(Float64Array.of(0), dayMs);
    assert.equal(before.state.elapsedMs, hourMs / 2 + hourMs / 100);
    assert.ok(!before.isOver);
    const after = new Commissioning(hourMs, 1, before.state);
    for (let i = 0; !after.isOver; i++) after.add(Float64Array.of(1_800 + i), i * 1_000);
    const [bounds] = after.bounds(() => 0.01);
    assert.ok((bounds?.low ?? 0) < 0 && (bounds?.high ?? 0) > 3_500, JSON.stringify(bounds));
  });

  it('takes the windows of one message, and learns nothing from less than a hundred', () => {
    const batches = new Commissioning(hourMs, 1);
    for (let minute = 0; minute < 60; minute++) {
      for (let i = 0; i < 60; i++) batches.add(Float64Array.of(i), minute * 60_000);
    }
    assert.ok(batches.state.rows > 3_000, `${batches.state.rows} rows`);
    const few = new Commissioning(hourMs, 1);
    for (let i = 0; i < 99; i++) few.add(Float64Array.of(i), i * hourMs);
    assert.ok(!few.isOver);
  });

  it('leaves out what is no number', () => {
    const commissioning = new Commissioning(hourMs, 1);
    for (let i = 0; i < 200; i++) commissioning.add(Float64Array.of(i % 2 ? NaN : i), i * 60_000);
    assert.equal(commissioning.state.rows, 100);
    const [bounds] = commissioning.bounds(() => 0.01);
    assert.ok(Number.isFinite(bounds?.low) && Number.isFinite(bounds?.high));
  });
});
