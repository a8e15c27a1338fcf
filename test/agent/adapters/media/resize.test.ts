import assert from 'node:assert/strict';
import { resize } from '../../../../agent/adapters/media/resize.js';
import { pictureFile, pictureIndex } from '../../../helpers/picture-files.js';
import { mediaDecoder, outcomeOf } from '../sources/decoder-cases.js';

describe('a picture in another size', () => {
  for (const { from, data, to, values } of pictureIndex().resized) {
    const title = `${from.width} x ${from.height} to ${to.width} x ${to.height}`;
    it(`is that of the formula: ${title}, ${to.fit}, ${from.channels} channels`, () => {
      const resized = resize({ ...from, data: Uint8Array.from(data) }, to);
      assert.deepEqual([resized.width, resized.height], [to.width, to.height]);
      assert.equal(resized.data.length, values.length);
      for (const [i, value] of values.entries()) {
        assert.ok(Math.abs((resized.data[i] ?? NaN) - value) < 1e-3, `${i}: ${resized.data[i]}`);
      }
    });
  }

  it('is the same picture where the size is the same', () => {
    const data = Uint8Array.of(1, 2, 3, 4, 5, 6);
    const picture = { width: 3, height: 2, channels: 1, data } as const;
    for (const fit of ['stretch', 'crop'] as const) {
      assert.deepEqual([...resize(picture, { width: 3, height: 2, fit }).data], [...data]);
    }
  });

  it('needs no memory beyond the picture for extreme proportions', () => {
    const [wide, high] = [1_048_576, 1];
    const data = new Uint8Array(2_048 * 2_048).fill(7);
    const picture = { width: 2_048, height: 2_048, channels: 1, data } as const;
    const resized = resize(picture, { width: wide, height: high, fit: 'stretch' });
    assert.equal(resized.data.length, wide);
    assert.ok(Math.abs((resized.data[wide / 2] ?? 0) - 7) < 1e-3);
  });

  it('is made of any kind of file, upright', () => {
    const to = { width: 2, height: 4, fit: 'crop' } as const;
    const decode = mediaDecoder({ decode: 'jpeg', channels: 3, resize: to });
    const values = outcomeOf(decode, pictureFile('turned-6.jpg'));
    const entry = pictureIndex().pictures.find(({ file }) => file === 'turned-6.jpg');
    assert.ok(typeof values !== 'string' && entry !== undefined);
    const { width, height, rgb } = entry;
    const expected = resize({ width, height, channels: 3, data: Uint8Array.from(rgb) }, to);
    for (const [i, value] of values.entries()) {
      assert.ok(Math.abs(value - (expected.data[i] ?? NaN)) <= 3, `${i}`);
    }
  });
});
