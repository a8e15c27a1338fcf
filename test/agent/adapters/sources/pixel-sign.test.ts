import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createBmpDecoder } from '../../../../agent/adapters/sources/bmp-decoder.js';
import { detectPixelSign, readSigned } from '../../../../agent/adapters/sources/pixel-sign.js';
import { expectOk } from '../../../../protocol/coded-error.js';
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
        ...expectOk(createBmpDecoder(1, how)(bytes)),
      ];
      assert.deepEqual(read('auto'), read(sign));
      assert.notDeepEqual(read('signed'), read('unsigned'));
      // Rows are stored from the bottom, after a palette that names each byte's own grey.
      assert.equal(read('unsigned')[0], bytes[bytes.length - 96]);
    });

    it(`says once that it reads ${name}.bmp as ${sign}`, () => {
      const bytes = readFileSync(path.join(sharedFolder, 'data/inputs', `${name}.bmp`));
      const told: string[] = [];
      const decode = createBmpDecoder(1, 'auto', (reading) => told.push(reading));
      for (let i = 0; i < 3; i++) expectOk(decode(bytes));
      assert.deepEqual(told, [sign]);
    });
  }
});

function draw(brightness: (x: number, y: number) => number): Float32Array {
  return Float32Array.from({ length: size * size }, (_, pixel) =>
    Math.min(255, Math.max(0, Math.round(brightness(pixel % size, Math.floor(pixel / size))))),
  );
}
