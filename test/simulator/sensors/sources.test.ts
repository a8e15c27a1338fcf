import assert from 'node:assert/strict';
import { Prng } from '../../../simulator/prng.js';
import { ClipSource } from '../../../simulator/sensors/clips.js';
import { RecordingSource } from '../../../simulator/sensors/recording.js';
import { patternOf, ToneSource } from '../../../simulator/sensors/tones.js';
import type { WindowSource } from '../../../simulator/devices/window-source.js';

const read = (source: WindowSource, values: number): readonly number[] => {
  const delivery = new Float32Array(values);
  assert.ok(source.next(delivery));
  return [...delivery];
};

describe('a recording that is played', () => {
  const recording = {
    channels: 2,
    values: Float32Array.of(1, 10, 2, 20, 3, 30),
    truths: ['a', 'b', undefined],
  };
  const delivery = { frames: 2, channels: 2, lastFrame: 1 };

  it('begins anew behind its last row, with the truth of the last frame', () => {
    const source = new RecordingSource(recording, delivery, 1, Prng.fromSeed(1));
    assert.equal(source.truth, 'b');
    assert.deepEqual(read(source, 4), [2, 20, 3, 30]);
    assert.equal(source.truth, undefined);
    assert.deepEqual(read(source, 4), [1, 10, 2, 20]);
    assert.equal(source.truth, 'b');
  });

  it('has the truth of the last frame of a window that is shorter than a delivery', () => {
    const source = new RecordingSource(
      recording,
      { ...delivery, lastFrame: 0 },
      0,
      Prng.fromSeed(1),
    );
    assert.deepEqual(read(source, 4), [1, 10, 2, 20]);
    assert.equal(source.truth, 'a');
  });

  it('begins elsewhere on other devices where its start is drawn', () => {
    const firsts = new Set(
      Array.from({ length: 32 }, (_, i) => i).map(
        (seed) =>
          read(new RecordingSource(recording, delivery, 'drawn', Prng.fromSeed(seed)), 4)[0],
      ),
    );
    assert.deepEqual([...firsts].sort(), [1, 2, 3]);
  });
});

describe('clips that are drawn', () => {
  it('begin with a delivery, are filled with silence, and lose an end of less than half a delivery', () => {
    const clips = [
      { values: Float32Array.of(1, 1, 1, 1, 1), truth: 'five' },
      { values: Float32Array.of(2, 2), truth: 'two' },
      { values: Float32Array.of(3, 3, 3, 3, 3, 3), truth: 'six' },
    ];
    const source = new ClipSource(
      clips,
      { frames: 4, channels: 1, lastFrame: 3 },
      Prng.fromSeed(7),
    );
    const seen = new Map<string, number>();
    for (let i = 0; i < 100; i++) {
      const values = read(source, 4).join('');
      const all = { five: ['1111'], two: ['2200'], six: ['3333', '3300'] }[source.truth ?? ''];
      assert.ok(all?.includes(values), `${source.truth} ${values}`);
      seen.set(values, (seen.get(values) ?? 0) + 1);
    }
    assert.deepEqual([...seen.keys()].sort(), ['1111', '2200', '3300', '3333']);
    // The last one may have been begun.
    assert.ok((seen.get('3333') ?? 0) - (seen.get('3300') ?? 0) <= 1);
  });
});

describe('made sound', () => {
  const names = ['yes', 'no', 'marvin'];
  const patterns = new Map(names.map((name) => [name, patternOf(name)]));
  const likeness = (a: readonly number[], b: Float32Array): number => {
    const dot = (x: ArrayLike<number>, y: ArrayLike<number>): number => {
      let sum = 0;
      for (let i = 0; i < x.length; i++) sum += (x[i] ?? 0) * (y[i] ?? 0);
      return sum;
    };
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  };

  it('is most like the pattern of its class, and each class comes', () => {
    const delivery = { frames: 16_000, channels: 1, lastFrame: 15_999 };
    const source = new ToneSource(patterns, delivery, Prng.fromSeed(3));
    const seen = new Set<string>();
    for (let second = 0; second < 20; second++) {
      const values = read(source, 16_000);
      for (const [name, pattern] of patterns) {
        const isIt = name === source.truth;
        const found = likeness(values, pattern);
        assert.ok(isIt ? found > 0.95 : found < 0.5, `${source.truth} is like ${name}: ${found}`);
      }
      seen.add(source.truth);
    }
    assert.equal(seen.size, 3);
  });

  it('has the truth of the last frame where deliveries are shorter than a second', () => {
    const delivery = { frames: 6_000, channels: 1, lastFrame: 5_999 };
    const [whole, parts] = [16_000, 6_000].map((frames) => {
      const source = new ToneSource(
        patterns,
        { ...delivery, frames, lastFrame: frames - 1 },
        Prng.fromSeed(5),
      );
      return Array.from({ length: 48_000 / frames }, () => {
        read(source, frames);
        return source.truth;
      });
    });
    const [a, b, c] = whole ?? [];
    // The third delivery ends 18,000 samples from the beginning: in the second second.
    assert.deepEqual(parts, [a, a, b, b, b, c, c, c]);
  });
});
