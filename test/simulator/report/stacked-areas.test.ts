import assert from 'node:assert/strict';
import { layersOf, stackedAreas } from '../../../simulator/report/stacked-areas.js';

const span = { durationMs: 100, faults: [], actions: [] };
const terms = { title: 'any', height: 136, format: String };

describe('stacked areas', () => {
  it('lie on each other, from the ground to the sum', () => {
    const layers = layersOf([
      { a: 2, b: 1 },
      { a: 1, b: 4 },
    ]);
    assert.deepEqual(
      layers.map(({ name, values }) => [name, ...values]),
      [
        ['b', 1, 4],
        ['a', 2, 1],
      ],
    );
    const { text } = stackedAreas(span, terms, [0, 100], layers, false);
    const points = [...text.matchAll(/points="([^"]*)"/g)].map(([, each]) => each);
    // From 64 to 944 across, and 100 for a sum of 5 down to 112.
    assert.deepEqual(points, ['64,92 944,32 944,112 64,112', '64,52 944,12 944,32 64,92']);
  });

  it('put what is beyond the colours together, and lose nothing', () => {
    const row = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`n${i}`, i + 1]));
    const layers = layersOf([row]);
    assert.equal(layers.length, 8);
    assert.equal(layers.at(-1)?.name, '5 others');
    const sum = layers.reduce((total, { values }) => total + (values[0] ?? 0), 0);
    assert.equal(sum, 78);
  });

  it('are drawn where there is nothing to show', () => {
    assert.match(stackedAreas(span, terms, [0], layersOf([{}]), true).text, /^<svg/);
  });
});
