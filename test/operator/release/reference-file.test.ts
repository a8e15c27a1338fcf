import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parseReferenceFile } from '../../../operator/release/reference-file.js';
import { CodedError } from '../../../protocol/coded-error.js';

const good = {
  windows: 20,
  answers: { normal: 12, looseness: 8 },
  confidence_histogram: [0, 0, 0, 0, 0, 1, 1, 2, 6, 10],
};

describe('the reference statistics of a model', () => {
  for (const version of [1, 2, 3]) {
    it(`are those that come with the demo model v${version}`, () => {
      const file = readFileSync(
        new URL(import.meta.resolve(`#demo-models/reference-v${version}.json`)),
      );
      const { windows, answers, confidence } = parseReferenceFile(file);
      assert.equal(windows, 8000);
      assert.equal(Object.keys(answers).length, 4);
      assert.equal(
        confidence.reduce((sum, each) => sum + each, 0),
        8000,
      );
    });
  }

  const rows: readonly (readonly [what: string, file: string])[] = [
    ['text that is no JSON', 'windows: 20'],
    ['a list', '[]'],
    ['no windows', JSON.stringify({ ...good, windows: 0 })],
    ['half a window', JSON.stringify({ ...good, windows: 20.5 })],
    ['more answers than windows', JSON.stringify({ ...good, windows: 19 })],
    ['a negative count', JSON.stringify({ ...good, answers: { normal: -1 } })],
    ['nine tenths', JSON.stringify({ ...good, confidence_histogram: Array(9).fill(1) })],
    ['a file without end', ' '.repeat(100_000)],
  ];
  for (const [what, file] of rows) {
    it(`are not ${what}`, () => {
      assert.throws(
        () => parseReferenceFile(new TextEncoder().encode(file)),
        (error) => error instanceof CodedError && error.code === 'reference-file-invalid',
      );
    });
  }

  it('are counts by label and by confidence', () => {
    assert.deepEqual(parseReferenceFile(new TextEncoder().encode(JSON.stringify(good))), {
      windows: 20,
      answers: { normal: 12, looseness: 8 },
      confidence: good.confidence_histogram,
    });
  });
});
