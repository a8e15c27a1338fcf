import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readWav } from '../../../../agent/adapters/media/sound.js';
import { requires, sharedFolder } from '../../../helpers/requires.js';
import { samples16, writeWav, type WavOptions } from '../../../helpers/wav-file.js';
import { damaged, fuzzDecoder, mediaDecoder, outcomeOf } from '../sources/decoder-cases.js';

const decode = mediaDecoder({ decode: 'wav', channels: 1 });
const clip = samples16([0, 1, -1, 32_767, -32_768]);

describe('the reader of WAV files', () => {
  const widths: readonly (readonly [
    title: string,
    data: Uint8Array,
    options: WavOptions,
    values: readonly number[],
  ])[] = [
    ['16 bits as they are', clip, {}, [0, 1, -1, 32_767, -32_768]],
    ['8 bits, which have no sign', Uint8Array.of(128, 129, 0), { bits: 8 }, [0, 256, -32_768]],
    [
      '24 bits, with a fraction',
      Uint8Array.of(0x80, 1, 0, 0, 0, 0x80),
      { bits: 24 },
      [1.5, -32_768],
    ],
    ['32 bits', new Uint8Array(Int32Array.of(65_536, -32_768).buffer), { bits: 32 }, [1, -0.5]],
    [
      'floats, whose 1 is the loudest',
      new Uint8Array(Float32Array.of(0.5, -1).buffer),
      { tag: 3, bits: 32 },
      [16_384, -32_768],
    ],
    [
      'floats of 64 bits',
      new Uint8Array(Float64Array.of(0.25).buffer),
      { tag: 3, bits: 64 },
      [8_192],
    ],
    ['the long header', clip, { extensible: true }, [0, 1, -1, 32_767, -32_768]],
    [
      'chunks that say other things, also of odd length',
      clip,
      { before: [['LIST', Uint8Array.of(1, 2, 3)]] },
      [0, 1, -1, 32_767, -32_768],
    ],
    [
      'a length that its writer did not know',
      clip,
      { dataBytes: 0xffffffff },
      [0, 1, -1, 32_767, -32_768],
    ],
  ];
  for (const [title, data, options, values] of widths) {
    it(`reads ${title}`, () => {
      assert.deepEqual(outcomeOf(decode, writeWav(data, options)), values);
    });
  }

  const wrong: readonly (readonly [title: string, bytes: Uint8Array])[] = [
    ['what is no WAV', Uint8Array.from({ length: 100 }, (_, i) => i)],
    ['a picture', Buffer.from('\x89PNG\r\n\x1a\n and more', 'latin1')],
    ['compressed sound', writeWav(clip, { tag: 2 })],
    ['a width that there is not', writeWav(clip, { bits: 12 })],
    ['no channels', writeWav(clip, { channels: 0, frameBytes: 2 })],
    ['no sample rate', writeWav(clip, { sampleRateHz: 0 })],
    ['frames that do not hold their samples', writeWav(clip, { frameBytes: 3 })],
    ['a header that claims more than there is', writeWav(clip, { dataBytes: 11 })],
    ['a header that claims almost 4 GiB', writeWav(clip, { dataBytes: 0xfffffffe })],
    ['half a frame', writeWav(clip.subarray(0, 9))],
    ['no samples', writeWav(new Uint8Array())],
    [
      'a float that is no number',
      writeWav(new Uint8Array(Float32Array.of(NaN).buffer), { tag: 3, bits: 32 }),
    ],
    [
      'a float beyond all bounds',
      writeWav(new Uint8Array(Float64Array.of(1e300).buffer), { tag: 3, bits: 64 }),
    ],
  ];
  for (const [title, bytes] of wrong) {
    it(`refuses ${title}`, () => {
      assert.equal(outcomeOf(decode, bytes), 'sound-invalid');
    });
  }

  it('refuses a file that is cut off at any length', () => {
    const whole = writeWav(clip);
    for (let length = 0; length < whole.length; length++) {
      assert.equal(
        outcomeOf(decode, whole.subarray(0, length)),
        'sound-invalid',
        `${length} bytes`,
      );
    }
  });

  it('refuses more samples than a message may have, before it reads one', () => {
    const result = readWav(writeWav(clip), 4);
    assert.ok(!result.ok);
    assert.match(result.rejection.detail, /more than 4 samples/);
  });

  it('gives values or a code, whatever comes', () => {
    fuzzDecoder(decode, 1, 'sound-invalid', damaged(writeWav(clip)));
    const floats = writeWav(new Uint8Array(Float32Array.of(0.5, -1).buffer), { tag: 3, bits: 32 });
    fuzzDecoder(decode, 1, 'sound-invalid', damaged(floats));
  });
});

describe('sound for a release', () => {
  const outcome = (options: WavOptions, channels: number, sampleRateHz?: number) =>
    outcomeOf(
      mediaDecoder({ decode: 'wav', channels, sampleRateHz }),
      writeWav(samples16([1, 2, 3, 4]), options),
    );

  it('comes frame after frame, with as many channels as it has', () => {
    assert.deepEqual(outcome({ channels: 2 }, 2), [1, 2, 3, 4]);
  });

  it('of one channel is cut into frames of any size', () => {
    assert.deepEqual(outcome({}, 4), [1, 2, 3, 4]);
    assert.equal(outcome({}, 3), 'source-mismatch');
  });

  it('of several channels is not mixed into fewer', () => {
    assert.equal(outcome({ channels: 2 }, 1), 'source-mismatch');
  });

  it('is refused where the release takes pictures', () => {
    const resize = { width: 2, height: 2, fit: 'crop' } as const;
    const decodePicture = mediaDecoder({ decode: 'wav', channels: 1, resize });
    assert.equal(outcomeOf(decodePicture, writeWav(clip)), 'source-mismatch');
  });

  it('at another rate than the release was trained on is refused', () => {
    assert.deepEqual(outcome({}, 1, 16_000), [1, 2, 3, 4]);
    assert.equal(outcome({}, 1, 8_000), 'source-mismatch');
  });
});

describe('the recordings of the reference data', () => {
  before(function () {
    requires(this, 'shared');
  });
  it('are read to the last sample', () => {
    for (const name of ['yes_1000ms', 'no_1000ms', 'noise_1000ms', 'silence_1000ms']) {
      const bytes = readFileSync(path.join(sharedFolder, 'data/inputs', `${name}.wav`));
      const result = readWav(bytes, 1_000_000);
      assert.ok(result.ok, name);
      assert.equal(result.value.sampleRateHz, 16_000);
      const last = bytes.readInt16LE(bytes.length - 2);
      assert.equal(result.value.values.at(-1), last, name);
    }
  });
});
