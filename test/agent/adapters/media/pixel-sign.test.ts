import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { detectPixelSign, readSigned } from '../../../../agent/adapters/media/pixel-sign.js';
import { createDecoder } from '../../../../agent/adapters/sources/create-decoder.js';
import { expectOk } from '../../../../protocol/coded-error.js';
import { mediaDecoder } from '../sources/decoder-cases.js';
import { requires, sharedFolder } from '../../../helpers/requires.js';

const size = 32;

describe('detectPixelSign', () => {
  const pictures: readonly (readonly [what: string, (x: number, y: number) => number])[] = [
    ['a gradient through all greys', (x) => (x * 255) / (size - 1)],
    [
      'a bright disc that fades into a dark ground',
      (x, y) => 250 - 11 * Math.hypot(x - 16, y - 16),
    ],
    ['waves across medium grey', (x, y) => 120 + 110 * Math.sin((x + y) / 4)],
  ];
  for (const [what, brightness] of pictures) {
    it(`tells how ${what} is stored`, () => {
      const grey = draw(brightness);
      assert.equal(detectPixelSign(grey, size), 'unsigned');
      readSigned(grey);
      assert.equal(detectPixelSign(grey, size), 'signed');
    });
  }

  const drawings: readonly (readonly [what: string, (x: number, y: number) => number])[] = [
    ['a chessboard', (x, y) => (((x >> 2) + (y >> 2)) % 2 === 0 ? 0 : 255)],
    ['white strokes on black', (x) => (x % 8 < 2 ? 250 : 3)],
    ['one even grey', () => 200],
    ['noise', (x, y) => (x * 7919 + y * 104_729 + x * y * 31) % 256],
  ];
  for (const [what, brightness] of drawings) {
    it(`takes ${what} for unsigned`, () => {
      assert.equal(detectPixelSign(draw(brightness), size), 'unsigned');
    });
  }
});

describe('the BMP decoder', () => {
  before(function () {
    requires(this, 'shared');
  });

  for (const [name, sign] of [
    ['person', 'signed'],
    ['no_person', 'unsigned'],
  ] as const) {
    it(`reads ${name}.bmp of TensorFlow as ${sign}, unless it is told otherwise`, () => {
      const bytes = readFileSync(path.join(sharedFolder, 'data/inputs', `${name}.bmp`));
      const read = (how: 'auto' | 'signed' | 'unsigned'): number[] => [
        ...expectOk(mediaDecoder({ decode: 'bmp', channels: 1, pixels: how })(bytes)),
      ];
      assert.deepEqual(read('auto'), read(sign));
      assert.notDeepEqual(read('signed'), read('unsigned'));
      // Rows are stored from the bottom, after a palette that names each byte's own grey.
      assert.equal(read('unsigned')[0], bytes[bytes.length - 96]);
    });

    it(`says once that it reads ${name}.bmp as ${sign}`, async () => {
      const bytes = readFileSync(path.join(sharedFolder, 'data/inputs', `${name}.bmp`));
      const told: object[] = [];
      const decoder = createDecoder(
        { type: 'stdin', decode: 'bmp', maxBytes: 65_536 },
        { channels: 1, sampleRateHz: undefined },
        (event, fields) => told.push({ event, ...fields }),
      );
      for (let i = 0; i < 3; i++) expectOk(await decoder.decode(bytes));
      await decoder.close();
      assert.deepEqual(told, [{ event: 'pixels-read', reading: sign, pixels: 'auto' }]);
    });
  }
});

function draw(brightness: (x: number, y: number) => number): Float32Array {
  return Float32Array.from({ length: size * size }, (_, pixel) =>
    Math.min(255, Math.max(0, Math.round(brightness(pixel % size, Math.floor(pixel / size))))),
  );
}
