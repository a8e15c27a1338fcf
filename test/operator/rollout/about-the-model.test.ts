import assert from 'node:assert/strict';
import { codes } from '../../../protocol/codes.js';
import { speaksAboutModel } from '../../../operator/rollout/about-the-model.js';

/** Each code of a refusal that counts against a challenger; every other code of the project does not. */
const expected = [
  'deadlines-missed',
  'self-test-mismatch',
  'trial-attempts-exceeded',
  'engine-trapped',
  'engine-deadline',
];

describe('a code of a device that gave a challenger up', () => {
  for (const code of expected) {
    it(`speaks about the model where it is ${code}`, () => {
      assert.ok(speaksAboutModel(code));
    });
  }

  it('says nothing about the model where the device, the release or the way is at fault', () => {
    const others = [
      'target-mismatch',
      'block-invalid',
      'block-missing',
      'key-unknown',
      'signature-invalid',
      'storage-full',
      'memory-exhausted',
      'engine-gone',
      'engine-unavailable',
      'offer-withdrawn',
      'sequence-below-floor',
    ];
    for (const code of others) {
      assert.ok(Object.hasOwn(codes, code), `${code} is no code`);
      assert.ok(!speaksAboutModel(code), code);
    }
  });

  it('says nothing where nobody knows it, or it is the name of something inherited', () => {
    for (const code of ['', 'x'.repeat(10_000), 'constructor', '__proto__', 'toString']) {
      assert.ok(!speaksAboutModel(code), code.slice(0, 20));
    }
  });
});
