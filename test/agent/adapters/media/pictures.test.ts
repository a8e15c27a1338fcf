import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { deflateSync, crc32 } from 'node:zlib';
import type { MediaKind } from '../../../../agent/adapters/media/media-job.js';
import type { Decoder } from '../../../../agent/adapters/sources/decoder.js';
import { requires, sharedFolder } from '../../../helpers/requires.js';
import { damaged, fuzzDecoder, mediaDecoder, outcomeOf } from '../sources/decoder-cases.js';
import { pictureFile, pictureIndex } from '../../../helpers/picture-files.js';

const decoder = (decode: MediaKind, channels = 3): Decoder => mediaDecoder({ decode, channels });
const [png, jpeg] = [decoder('png'), decoder('jpeg')];

/** Another size in the header of a PNG, with its checksum put right. */
function withPngSize(file: Uint8Array, width: number, height: number): Buffer {
  const bytes = Buffer.from(file);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
  return bytes;
}

/** Another size in the frame of a JPEG. */
function withJpegSize(file: Uint8Array, width: number, height: number): Buffer {
  const bytes = Buffer.from(file);
  const at = bytes.indexOf(Buffer.from([0xff, 0xc0]));
  bytes.writeUInt16BE(height, at + 5);
  bytes.writeUInt16BE(width, at + 7);
  return bytes;
}

describe('the reader of PNG and JPEG pictures', () => {
  for (const { file, width, height, tolerance, rgb } of pictureIndex().pictures) {
    it(`reads ${file} as Pillow does, ${width} x ${height}`, () => {
      const values = outcomeOf(file.endsWith('.png') ? png : jpeg, pictureFile(file));
      assert.ok(typeof values !== 'string', String(values));
      assert.equal(values.length, rgb.length);
      const differences = values.map((value, i) => Math.abs(value - (rgb[i] ?? NaN)));
      assert.ok(Math.max(...differences) <= tolerance, `${Math.max(...differences)}`);
    });
  }

  it('gives one channel as brightness', () => {
    const grey = outcomeOf(decoder('png', 1), pictureFile('colours.png'));
    const colours = outcomeOf(png, pictureFile('colours.png'));
    assert.ok(typeof grey !== 'string' && typeof colours !== 'string');
    const [red = 0, green = 0, blue = 0] = colours.slice(30, 33);
    assert.equal(grey[10], Math.fround(0.299 * red + 0.587 * green + 0.114 * blue));
  });

  const whole = pictureFile('colours.png');
  const bomb = (): Buffer => {
    const data = deflateSync(Buffer.alloc(50_000_000));
    const chunk = Buffer.alloc(12 + data.length);
    chunk.writeUInt32BE(data.length, 0);
    chunk.write('IDAT', 4, 'latin1');
    data.copy(chunk, 8);
    chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
    return Buffer.concat([whole.subarray(0, 33), chunk, whole.subarray(-12)]);
  };
  const wrong: readonly (readonly [title: string, kind: MediaKind, bytes: Uint8Array])[] = [
    ['a JPEG that is said to be a PNG', 'png', pictureFile('colours.jpg')],
    ['a PNG that is said to be a JPEG', 'jpeg', whole],
    ['no bytes', 'png', new Uint8Array()],
    ['no bytes', 'jpeg', new Uint8Array()],
    ['a header of 2 billion pixels a side', 'png', withPngSize(whole, 0x7fffffff, 0x7fffffff)],
    ['more than four megapixels', 'png', withPngSize(whole, 2_049, 2_048)],
    ['more pixels than there are', 'png', withPngSize(whole, 24, 17)],
    ['fewer pixels than there are', 'png', withPngSize(whole, 24, 15)],
    ['no width', 'png', withPngSize(whole, 0, 16)],
    ['pixels that unpack to 50 MB', 'png', bomb()],
    ['65535 pixels a side', 'jpeg', withJpegSize(pictureFile('colours.jpg'), 65_535, 65_535)],
    ['more than four megapixels', 'jpeg', withJpegSize(pictureFile('colours.jpg'), 2_049, 2_048)],
    ['more pixels than there are', 'jpeg', withJpegSize(pictureFile('colours.jpg'), 480, 480)],
    ['no height', 'jpeg', withJpegSize(pictureFile('colours.jpg'), 24, 0)],
  ];
  for (const [title, kind, bytes] of wrong) {
    it(`refuses ${title} (${kind})`, () => {
      assert.equal(outcomeOf(decoder(kind), bytes), 'picture-invalid');
    });
  }

  for (const file of ['colours.png', 'colours.jpg', 'progressive.jpg']) {
    it(`refuses ${file} cut off at any length`, () => {
      const bytes = pictureFile(file);
      const decode = file.endsWith('.png') ? png : jpeg;
      for (let length = 0; length < bytes.length; length++) {
        assert.equal(outcomeOf(decode, bytes.subarray(0, length)), 'picture-invalid', `${length}`);
      }
    });
  }

  it('has no answer to two channels', () => {
    assert.equal(outcomeOf(decoder('png', 2), whole), 'picture-invalid');
  });

  for (const file of [
    'palette.png',
    'deep.png',
    'turned.png',
    'halved.jpg',
    'progressive.jpg',
    'turned-6.jpg',
  ]) {
    it(`gives values or a code, whatever becomes of ${file}`, () => {
      const decode = file.endsWith('.png') ? png : jpeg;
      fuzzDecoder(decode, 3, 'picture-invalid', damaged(pictureFile(file)), 500);
    });
  }

  describe('for the digits of the reference data', () => {
    before(function () {
      requires(this, 'shared');
    });
    it('reads 28 x 28 values', () => {
      for (let digit = 0; digit < 10; digit++) {
        const bytes = readFileSync(path.join(sharedFolder, 'data/inputs', `mnist_${digit}.png`));
        const values = outcomeOf(decoder('png', 1), bytes);
        assert.ok(typeof values !== 'string', String(values));
        assert.equal(values.length, 784);
        assert.ok(Math.max(...values) > 200);
      }
    });
  });
});
