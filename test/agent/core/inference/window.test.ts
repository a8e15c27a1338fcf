import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  framesBetween,
  Window,
  type WindowPlace,
} from '../../../../agent/core/inference/window.js';

describe('Window', () => {
  const rows = [
    {
      name: 'adjacent windows',
      shape: { frames: 2, stride: 2, channels: 1 },
      windows: ['12', '34', '56'],
    },
    {
      name: 'overlapping windows',
      shape: { frames: 3, stride: 1, channels: 1 },
      windows: ['123', '234', '345', '456', '567'],
    },
    {
      name: 'windows with gaps',
      shape: { frames: 2, stride: 3, channels: 1 },
      windows: ['12', '45'],
    },
    {
      name: 'frames of two channels',
      shape: { frames: 1, stride: 2, channels: 2 },
      windows: ['12', '56'],
    },
  ];
  for (const { name, shape, windows } of rows) {
    it(`gives ${name}`, () => {
      assert.deepEqual(windowsOf(shape, [Float32Array.of(1, 2, 3, 4, 5, 6, 7)]), windows);
    });
  }

  it('says where each begins, and where a new stretch does', () => {
    const window = new Window({ frames: 3, stride: 2, channels: 1 });
    const places: WindowPlace[] = [];
    const push = (): void => {
      window.push(new Float32Array(5), (_, place) => places.push(place));
    };
    push();
    push();
    window.discard();
    push();
    assert.deepEqual(
      places.map(({ frame }) => frame),
      [0, 2, 4, 6, 0, 2],
    );
    const [first, second, , last, next, afterNext] = places;
    assert.ok(second && last && next && afterNext);
    assert.equal(framesBetween(first, last), 6);
    assert.equal(framesBetween(last, next), undefined);
    assert.equal(framesBetween(next, afterNext), 2);
    assert.equal(framesBetween(undefined, second), undefined);
  });

  it('tells beforehand how many windows a message completes', () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 12 });
    const shapes = fc.record({
      frames: fc.integer({ min: 1, max: 9 }),
      stride: fc.integer({ min: 1, max: 12 }),
      channels: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(shapes, lengths, (shape, messages) => {
        const window = new Window(shape);
        for (const frames of messages) {
          const values = new Float32Array(frames * shape.channels);
          const expected = window.completedBy(values.length);
          let completed = 0;
          window.push(values, () => completed++);
          assert.equal(completed, expected);
        }
      }),
    );
  });

  it('gives the same windows however the samples are cut into messages', () => {
    const shapes = fc.record({
      frames: fc.integer({ min: 1, max: 9 }),
      stride: fc.integer({ min: 1, max: 12 }),
      channels: fc.integer({ min: 1, max: 3 }),
    });
    const cuts = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 12 });
    fc.assert(
      fc.property(shapes, cuts, (shape, lengths) => {
        const total = lengths.reduce((sum, length) => sum + length, 0);
        const all = Float32Array.from({ length: total }, (_, i) => i);
        let from = 0;
        const pieces = lengths.map((length) => all.subarray(from, (from += length)));
        assert.deepEqual(windowsOf(shape, pieces), windowsOf(shape, [all]));
      }),
    );
  });
});

function windowsOf(
  shape: { frames: number; stride: number; channels: number },
  pieces: readonly Float32Array[],
): string[] {
  const windows: string[] = [];
  const window = new Window(shape);
  for (const piece of pieces) window.push(piece, (values) => windows.push(values.join('')));
  return windows;
}
