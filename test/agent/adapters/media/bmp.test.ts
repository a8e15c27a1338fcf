import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { requires, sharedFolder } from '../../../helpers/requires.js';
import { damaged, fuzzDecoder, mediaDecoder, outcomeOf } from '../sources/decoder-cases.js';

const [red, green, blue, white] = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 255],
] as const;

/** Rows from the top. */
const picture = [
  [red, green, blue],
  [white, blue, red],
] as const;
const values = picture.flat(2);

const createBmpDecoder = (channels: number) =>
  mediaDecoder({ decode: 'bmp', channels, pixels: 'unsigned' });

describe('the decoder of BMP pictures', () => {
  const rgb = createBmpDecoder(3);
  const forms: readonly (readonly [title: string, options: BmpOptions])[] = [
    ['24 bits, from the bottom up', {}],
    ['24 bits, from the top down', { topDown: true }],
    ['32 bits', { depth: 32 }],
    ['32 bits with a long header whose masks mean nothing', { depth: 32, headerBytes: 108 }],
    ['a palette of 256 colours', { depth: 8 }],
    ['a palette of 4 colours', { depth: 8, colours: 4 }],
    ['a palette from the top down', { depth: 8, topDown: true }],
    ['a gap between palette and pixels', { depth: 8, colours: 4, gapBytes: 6 }],
    ['a gap between header and pixels', { gapBytes: 10 }],
    ['a header of version 5', { headerBytes: 124 }],
  ];
  for (const [title, options] of forms) {
    it(`reads ${title}`, () => {
      assert.deepEqual(outcomeOf(rgb, writeBmp(picture, options)), values);
    });
  }

  it('gives one channel as luminance, and grey as it is', () => {
    const grey = createBmpDecoder(1);
    const message = writeBmp([[[7, 7, 7], red, green, blue]], { depth: 24 });
    const expected = [7, 76.245, 149.685, 29.07].map(Math.fround);
    assert.deepEqual(outcomeOf(grey, message), expected);
  });

  it('reads two and sixteen colours, but no odd rows of the latter', () => {
    const two = writeBmp([[red, green, green, red, green]], { depth: 1, colours: 2 });
    assert.deepEqual(outcomeOf(rgb, two), [red, green, green, red, green].flat());
    const even = writeBmp(
      [
        [red, green],
        [blue, white],
      ],
      { depth: 4, colours: 16 },
    );
    assert.deepEqual(outcomeOf(rgb, even), [red, green, blue, white].flat());
    const odd = writeBmp(picture, { depth: 4, colours: 16 });
    assert.equal(outcomeOf(rgb, odd), 'picture-invalid');
  });

  /** What a hostile header claims: where, how many bytes, and the value. */
  const lies: readonly (readonly [title: string, at: number, bytes: 2 | 4, value: number])[] = [
    ['another type', 0, 2, 0x4d41],
    ['pixels beyond the end', 10, 4, 0xffffffff],
    ['pixels within the header', 10, 4, 20],
    ['a header that is no header', 14, 4, 12],
    ['a header without an end', 14, 4, 0xffffffff],
    ['no width', 18, 4, 0],
    ['a negative width', 18, 4, 0xffffffff],
    ['a width of two billions', 18, 4, 0x7fffffff],
    ['no height', 22, 4, 0],
    ['a height of two billions', 22, 4, 0x7fffffff],
    ['the lowest height of all', 22, 4, 0x80000000],
    ['more rows than there are', 22, 4, 3],
    ['a depth of 0', 28, 2, 0],
    ['a depth of 16', 28, 2, 16],
    ['a depth of 64', 28, 2, 64],
    ['runs', 30, 4, 1],
    ['colour masks', 30, 4, 3],
    ['four billion colours', 46, 4, 0xffffffff],
    ['257 colours', 46, 4, 257],
  ];
  for (const [title, at, size, value] of lies) {
    it(`refuses a header that claims ${title}`, () => {
      for (const depth of [8, 24] as const) {
        const message = Buffer.from(writeBmp(picture, { depth }));
        if (size === 2) message.writeUInt16LE(value, at);
        else message.writeUInt32LE(value, at);
        assert.equal(outcomeOf(rgb, message), 'picture-invalid');
      }
    });
  }

  it('refuses sizes whose pixels would not fit, before it decodes them', () => {
    const message = Buffer.alloc(1_100_000);
    writeBmp([[red]], {}).forEach((byte, i) => message.writeUInt8(byte, i));
    message.writeUInt32LE(600, 18);
    message.writeUInt32LE(600, 22);
    // 360,000 pixels are well within the message; three channels of them are too many.
    assert.equal(outcomeOf(rgb, message), 'picture-invalid');
  });

  it('refuses what is cut off at every length', () => {
    const message = writeBmp(picture, { depth: 8, colours: 4 });
    for (let length = 0; length < message.length; length++) {
      assert.equal(outcomeOf(rgb, message.subarray(0, length)), 'picture-invalid');
    }
  });

  it('has no answer to two channels', () => {
    assert.equal(outcomeOf(createBmpDecoder(2), writeBmp(picture, {})), 'picture-invalid');
  });

  it('gives values or its code, whatever comes', () => {
    fuzzDecoder(rgb, 3, 'picture-invalid', damaged(writeBmp(picture, { depth: 8, colours: 4 })));
    fuzzDecoder(rgb, 3, 'picture-invalid', damaged(writeBmp(picture, { headerBytes: 108 })));
    fuzzDecoder(
      createBmpDecoder(1),
      1,
      'picture-invalid',
      damaged(writeBmp([[red, green]], { depth: 4, colours: 16 })),
    );
  });

  describe('for the pictures of the reference data', () => {
    before(function () {
      requires(this, 'shared');
    });
    for (const name of ['person', 'no_person']) {
      it(`reads ${name}`, () => {
        const bytes = readFileSync(path.join(sharedFolder, 'data/inputs', `${name}.bmp`));
        const result = createBmpDecoder(1)(bytes);
        assert.ok(result.ok);
        // 96 x 96 with a grey palette, from the bottom up: the pixels are the last bytes of the file.
        const rows = Array.from({ length: 96 }, (_, y) => {
          const at = bytes.length - 96 * (y + 1);
          return [...bytes.subarray(at, at + 96)];
        });
        assert.deepEqual([...result.value], rows.flat());
      });
    }
  });
});

type Pixel = readonly [red: number, green: number, blue: number];

interface BmpOptions {
  readonly depth?: 1 | 4 | 8 | 24 | 32;
  readonly topDown?: boolean;
  readonly headerBytes?: 40 | 108 | 124;
  /** Colours of the palette; 2 to the power of the depth where nothing is given. */
  readonly colours?: number;
  /** Bytes that mean nothing before the pixels. */
  readonly gapBytes?: number;
}

/** A BMP of these rows, from the top. */
function writeBmp(rows: readonly (readonly Pixel[])[], options: BmpOptions): Uint8Array {
  const { depth = 24, topDown = false, headerBytes = 40, gapBytes = 0 } = options;
  const colours = depth <= 8 ? (options.colours ?? 2 ** depth) : 0;
  const width = rows[0]?.length ?? 0;
  const rowBytes = Math.ceil((width * depth) / 32) * 4;
  const pixelsAt = 14 + headerBytes + 4 * colours + gapBytes;
  const file = Buffer.alloc(pixelsAt + rowBytes * rows.length);
  file.fill(0xab, pixelsAt - gapBytes, pixelsAt);
  file.write('BM', 'latin1');
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(pixelsAt, 10);
  file.writeUInt32LE(headerBytes, 14);
  file.writeInt32LE(width, 18);
  file.writeInt32LE(topDown ? -rows.length : rows.length, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(depth, 28);
  file.writeUInt32LE(options.colours ?? 0, 46);
  const palette: Pixel[] = [];
  const indexOf = (pixel: Pixel): number => {
    const known = palette.findIndex((each) => each.join() === pixel.join());
    return known >= 0 ? known : palette.push(pixel) - 1;
  };
  for (const [y, row] of rows.entries()) {
    const rowAt = pixelsAt + rowBytes * (topDown ? y : rows.length - 1 - y);
    for (const [x, pixel] of row.entries()) {
      const bit = x * depth;
      const at = rowAt + Math.floor(bit / 8);
      if (depth > 8) pixel.forEach((value, i) => file.writeUInt8(value, at + 2 - i));
      else {
        const shifted = indexOf(pixel) << (8 - depth - (bit % 8));
        file.writeUInt8(file.readUInt8(at) | shifted, at);
      }
    }
  }
  palette.forEach((pixel, i) => {
    pixel.forEach((value, j) => file.writeUInt8(value, 14 + headerBytes + 4 * i + 2 - j));
  });
  return file;
}
