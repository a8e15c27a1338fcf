import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { Prng } from '../../simulator/prng.js';

/** Made by the Python twin: simulator/demo/training/fixtures.py. */
interface Fixture {
  readonly seed: number;
  readonly words: readonly number[];
  readonly forkedWords: readonly number[];
  readonly largeSeedWords: readonly number[];
  readonly noise: readonly number[];
}

const fixture = JSON.parse(readFileSync('test/fixtures/signals/vibration.json', 'utf8')) as Fixture;

describe('Prng', () => {
  it('draws the words of the Python twin', () => {
    assert.deepEqual(words(Prng.fromSeed(fixture.seed)), fixture.words);
    assert.deepEqual(words(Prng.fromSeed(fixture.seed).fork(7)), fixture.forkedWords);
    assert.deepEqual(words(Prng.fromSeed(2 ** 53 - 1)), fixture.largeSeedWords);
  });

  it('draws the noise of the Python twin', () => {
    const noise = fixture.noise.map((_, index) => Prng.fromSeed(fixture.seed + index).noise());
    noise.forEach((value, index) => {
      assert.ok(Math.abs(value - (fixture.noise[index] ?? NaN)) < 1e-12);
    });
  });

  it('forks by key without moving on, each key to a stream of its own', () => {
    const parent = Prng.fromSeed(1);
    const streams = [0, 1, 2, 0xffffffff].map((key) => words(parent.fork(key)).join());
    assert.equal(new Set([...streams, words(Prng.fromSeed(1)).join()]).size, 5);
    assert.deepEqual(words(parent), words(Prng.fromSeed(1)));
    assert.deepEqual(words(Prng.fromSeed(1).fork(2)).join(), streams[2]);
  });

  it('forks differently at another place of its stream', () => {
    const prng = Prng.fromSeed(1);
    const early = words(prng.fork(1));
    prng.uint32();
    assert.notDeepEqual(words(prng.fork(1)), early);
  });

  it('draws noise of mean 0 and variance 1', () => {
    const prng = Prng.fromSeed(4);
    const draws = Array.from({ length: 100_000 }, () => prng.noise());
    const mean = draws.reduce((a, b) => a + b, 0) / draws.length;
    const variance = draws.reduce((a, b) => a + b * b, 0) / draws.length;
    assert.ok(Math.abs(mean) < 0.01);
    assert.ok(Math.abs(variance - 1) < 0.015);
  });

  it('draws integers below a count, each about as often', () => {
    const prng = Prng.fromSeed(9);
    const counts = [0, 0, 0, 0, 0, 0, 0];
    for (let i = 0; i < 70_000; i++) {
      const drawn = prng.below(counts.length);
      counts[drawn] = (counts[drawn] ?? NaN) + 1;
    }
    for (const count of counts) assert.ok(Math.abs(count - 10_000) < 400, `${counts}`);
  });

  it('refuses what is no seed', () => {
    for (const seed of [-1, 0.5, NaN, 2 ** 53]) {
      assert.throws(() => Prng.fromSeed(seed), /no seed/);
    }
  });
});

function words(prng: Prng): number[] {
  return Array.from({ length: 8 }, () => prng.uint32());
}
