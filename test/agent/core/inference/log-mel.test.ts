import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LogMelFeatures } from '../../../../agent/core/inference/log-mel.js';
import { Spectrum } from '../../../../agent/core/inference/spectrum.js';

describe('The power spectrum', () => {
  it('is that of the sums that define it', () => {
    const value = fc.double({ min: -1, max: 1, noNaN: true });
    const sizes = fc.integer({ min: 1, max: 6 }).map((bits) => 2 ** bits);
    const inputs = sizes.chain((size) => fc.array(value, { minLength: size, maxLength: size }));
    fc.assert(
      fc.property(inputs, (values) => {
        const size = values.length;
        const out = new Float64Array(size / 2 + 1);
        const spectrum = new Spectrum(size);
        // The second time in the same buffers.
        spectrum.power(new Float64Array(size).fill(3), out);
        spectrum.power(Float64Array.from(values), out);
        for (const [bin, power] of out.entries()) {
          let [re, im] = [0, 0];
          for (const [i, each] of values.entries()) {
            re += each * Math.cos((2 * Math.PI * bin * i) / size);
            im -= each * Math.sin((2 * Math.PI * bin * i) / size);
          }
          assert.ok(Math.abs(power - re * re - im * im) < 1e-9, `${bin} of ${size}`);
        }
      }),
    );
  });
});

describe('Log-mel features', () => {
  const how = { bands: 20, lowHz: 0, highHz: 8000, preEmphasis: 0, add: 52, multiply: 1 / 64 };
  const features = (slice: Float32Array, change: Partial<typeof how> = {}): Float32Array => {
    const out = new Float32Array(how.bands);
    new LogMelFeatures({ ...how, ...change }, slice.length, 16_000).write(slice, out);
    return out;
  };
  const tone = (hertz: number, amplitude: number): Float32Array =>
    Float32Array.from(
      { length: 1024 },
      (_, i) => amplitude * Math.sin((2 * Math.PI * hertz * i) / 16_000),
    );

  it('are highest in the band of a tone', () => {
    const mel = (hertz: number): number => 1127 * Math.log1p(hertz / 700);
    const width = mel(8000) / (how.bands + 1);
    for (let band = 0; band < how.bands; band++) {
      // The middle of the band on the mel scale.
      const hertz = 700 * Math.expm1(((band + 1) * width) / 1127);
      const found = features(tone(hertz, 0.01));
      assert.equal(found.indexOf(Math.max(...found)), band, `${hertz} Hz`);
    }
  });

  it('rise by twenty decibels where the sound is ten times as loud', () => {
    const [soft, loud] = [0.001, 0.01].map((amplitude) =>
      Math.max(...features(tone(1000, amplitude))),
    );
    assert.ok(Math.abs((loud ?? 0) - (soft ?? 0) - 20 / 64) < 1e-6);
  });

  it('stay between 0 and 1, whatever comes', () => {
    assert.deepEqual(new Set(features(new Float32Array(1024))), new Set([0]));
    const noise = Float32Array.from({ length: 1024 }, (_, i) => ((i * 7919) % 2003) * 1e3);
    assert.deepEqual(new Set(features(noise)), new Set([1]));
  });

  it('hear nothing of a constant where it is taken away', () => {
    const constant = new Float32Array(1024).fill(0.5);
    assert.deepEqual(new Set(features(constant, { preEmphasis: 1 })), new Set([0]));
    assert.ok(Math.max(...features(constant)) > 0);
  });
});
