import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createNodeCrypto } from '../../../agent/adapters/node-crypto.js';
import { fromHex, toHex } from '../../../protocol/bytes.js';
import { sealSign1 } from '../../../protocol/cose/sign1.js';
import { limits } from '../../../protocol/limits.js';
import { encodeEvidence } from '../../../protocol/messages/evidence.js';
import { readEvidence } from '../../../operator/rollout/received-evidence.js';
import { createSeededKey } from '../../../simulator/ports/seeded-key.js';
import { blocks, evidenceOf } from './example-rollout.js';

const own = createSeededKey('press-0');
const crypto = createNodeCrypto();
const { champion, challenger, salt } = evidenceOf('press-0');
const binding = {
  deviceId: 'press-0',
  slot: 'vibration',
  comparison: { champion, challenger, salt },
  key: toHex(own.publicKey),
};

/** Evidence of press-0 as it is on its topic. */
function seal(
  change: Parameters<typeof evidenceOf>[1] = {},
  key = own,
  kind = 'evidence',
): Uint8Array {
  const said = { shadow: blocks(3, [1, 0]), ...change };
  const payload = encodeEvidence(evidenceOf(said.deviceId ?? 'press-0', said));
  assert.ok(kind === 'evidence' || kind === 'disagreements');
  return sealSign1(kind, key.kid, payload, (bytes) => key.sign(bytes));
}

function codeOf(envelope: Uint8Array): string | undefined {
  const read = readEvidence(envelope, binding, crypto);
  return read.ok ? undefined : read.rejection.code;
}

describe('evidence that a controller hears', () => {
  it('is what the device has signed', () => {
    const read = readEvidence(seal(), binding, crypto);
    assert.ok(read.ok);
    assert.deepEqual(read.value, evidenceOf('press-0', { shadow: blocks(3, [1, 0]) }));
  });

  const other = { sequence: 21, manifest: fromHex('15'.repeat(32)) };
  const rows: readonly (readonly [sentence: string, envelope: () => Uint8Array, code: string])[] = [
    [
      'is forged where a stranger signed it',
      () => seal({}, createSeededKey('a stranger')),
      'evidence-forged',
    ],
    [
      'is forged where it is of another device',
      () => seal({ deviceId: 'press-1' }),
      'evidence-forged',
    ],
    ['is forged where it is of another slot', () => seal({ slot: 'sound' }), 'evidence-forged'],
    [
      'is of another where the challenger is another',
      () => seal({ challenger: other }),
      'evidence-of-another',
    ],
    [
      'is of another where the champion is another',
      () => seal({ champion: other }),
      'evidence-of-another',
    ],
    [
      'is of another where the number of the challenger is the same, and its manifest is not',
      () => seal({ challenger: { ...challenger, manifest: other.manifest } }),
      'evidence-of-another',
    ],
    [
      'is of another where the lots are another',
      () => seal({ salt: new Uint8Array(8) }),
      'evidence-of-another',
    ],
    [
      'is refused where it is signed as something else',
      () => seal({}, own, 'disagreements'),
      'document-type-mismatch',
    ],
    [
      'is refused where it is huge',
      () => new Uint8Array(limits.evidenceBytes + 1),
      'evidence-too-large',
    ],
  ];
  for (const [sentence, envelope, code] of rows) {
    it(sentence, () => {
      assert.equal(codeOf(envelope()), code);
    });
  }

  it('is not believed where one bit of it was changed, anywhere', () => {
    const envelope = seal();
    fc.assert(
      fc.property(fc.nat(envelope.length - 1), fc.nat(7), (at, bit) => {
        const changed = envelope.slice();
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        assert.notEqual(codeOf(changed), undefined, `bit ${bit} of byte ${at}`);
      }),
      { numRuns: 300 },
    );
  });

  it('is not believed where it was cut, or is anything else, and that ends nothing', () => {
    const envelope = seal();
    for (let length = 0; length < envelope.length; length++) {
      assert.notEqual(codeOf(envelope.subarray(0, length)), undefined, String(length));
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        assert.notEqual(codeOf(bytes), undefined);
      }),
    );
  });
});
