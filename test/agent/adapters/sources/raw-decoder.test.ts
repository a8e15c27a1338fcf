import assert from 'node:assert/strict';
import fc from 'fast-check';
import { messageValues } from '../../../../agent/adapters/sources/decoder.js';
import { createRawDecoder } from '../../../../agent/adapters/sources/raw-decoder.js';
import { fuzzDecoder, outcomeOf } from './decoder-cases.js';

describe('the decoder of raw elements', () => {
  const bytes = Uint8Array.of(0x00, 0x80, 0xff, 0x7f, 0x01, 0x00, 0x80, 0x3f);
  const cases = [
    ['int8', [0, -128, -1, 127, 1, 0, -128, 63]],
    ['uint8', [0, 128, 255, 127, 1, 0, 128, 63]],
    ['int16', [-32_768, 32_767, 1, 16_256]],
    ['int32', [2_147_450_880, 1_065_353_217].map(Math.fround)],
  ] as const;
  for (const [element, values] of cases) {
    it(`reads ${element}, little-endian`, () => {
      assert.deepEqual(outcomeOf(createRawDecoder(element, 1), bytes), [...values]);
    });
  }

  it('reads float32, little-endian, wherever the bytes lie', () => {
    const shifted = Uint8Array.of(9, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0).subarray(1);
    assert.deepEqual(outcomeOf(createRawDecoder('float32', 2), shifted), [1, -2]);
  });

  it('refuses what is no whole number of frames, nothing, and too much', () => {
    const decode = createRawDecoder('int16', 3);
    assert.equal(outcomeOf(decode, new Uint8Array(0)), 'sample-invalid');
    assert.equal(outcomeOf(decode, new Uint8Array(7)), 'sample-invalid');
    assert.equal(outcomeOf(decode, new Uint8Array(10)), 'source-mismatch');
    assert.deepEqual(outcomeOf(decode, new Uint8Array(12)), [0, 0, 0, 0, 0, 0]);
    const large = createRawDecoder('int8', 1)(new Uint8Array(messageValues + 1));
    assert.equal(large.ok, false);
  });

  it('refuses NaN and infinity, which would spread over the window', () => {
    const decode = createRawDecoder('float32', 1);
    for (const value of [NaN, Infinity, -Infinity]) {
      const message = new Uint8Array(Float32Array.of(1, value).buffer);
      assert.equal(outcomeOf(decode, message), 'sample-invalid');
    }
  });

  it('gives finite values or its code, whatever comes', () => {
    fuzzDecoder(
      createRawDecoder('float32', 3),
      3,
      'sample-invalid',
      fc.uint8Array({ maxLength: 60 }),
    );
  });
});
