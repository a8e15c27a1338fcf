import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeMedia } from '../../agent/adapters/media/decode-media.js';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { decodeCbor } from '../../protocol/cbor/decode.js';
import { expectOk } from '../../protocol/coded-error.js';
import { openSign, sealSign } from '../../protocol/cose/sign.js';
import { openSign1, sealSign1 } from '../../protocol/cose/sign1.js';
import { encodeBeacon, parseBeacon } from '../../protocol/documents/beacon.js';
import { encodeKeyset, parseKeyset } from '../../protocol/documents/keyset.js';
import { encodeManifest, parseManifest } from '../../protocol/documents/manifest.js';
import { encodePolicy, parsePolicy } from '../../protocol/documents/policy.js';
import { encodeSelfTest, parseSelfTest } from '../../protocol/documents/self-test.js';
import { encodeEvidence, parseEvidence } from '../../protocol/messages/evidence.js';
import { parsePresence } from '../../protocol/messages/presence.js';
import { ComparisonTally } from '../../agent/core/experiment/tally/comparison-tally.js';
import { decodeTally, encodeTally } from '../../agent/core/experiment/tally/tally-file.js';
import { decodeRecord, encodeRecord } from '../../agent/core/state/record-codec.js';
import { encodeReleaseFile } from '../../protocol/documents/release-file.js';
import { parseReleaseFile } from '../../operator/release/release-file.js';
import { parsePipelineFile } from '../../operator/release/pipeline-file.js';
import {
  fixedKey,
  sampleBeacon,
  sampleEvidence,
  sampleKeyset,
  sampleManifest,
  samplePolicy,
  sampleSelfTest,
} from '../helpers/documents.js';
import { assertValueOrCode, mutationsOf } from '../helpers/mutation.js';
import { pictureFile } from '../helpers/picture-files.js';
import { sampleRecord } from '../helpers/records.js';
import { samples16, writeWav } from '../helpers/wav-file.js';

const [first, second] = [fixedKey(1), fixedKey(2)];
const seal = (type: 'manifest' | 'policy' | 'beacon', payload: Uint8Array): Uint8Array =>
  sealSign1(type, first.kid, payload, (bytes) => first.sign(bytes));
const keyset = encodeKeyset(sampleKeyset([first, second]));
const manifest = encodeManifest(sampleManifest());
const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** A tally with an open block and with disagreements, one of them labelled. */
function sampleTally(): ComparisonTally {
  const { champion: first, challenger: second, salt, life } = sampleEvidence();
  const tally = ComparisonTally.begin({ champion: first, challenger: second, salt }, life, {
    devices: 48,
    alphaPermille: 50,
    deviceMarginPermille: 50,
    blockWindows: 2,
  });
  for (const [window, label] of ['x', 'y', 'z'].entries()) {
    const [champion, challenger] = ['x', label].map((each) => ({ label: each, scorePermille: 1 }));
    tally.compared({ policy: 3, served: 0 }, { boot: 1, window, t: 1, champion, challenger });
  }
  expectOk(tally.labelled({ boot: 1, window: 1 }, 'x'));
  return tally;
}

/** Every decoder that gets bytes from outside, with documents that it accepts. */
const targets: readonly {
  readonly name: string;
  readonly decode: (bytes: Uint8Array) => unknown;
  readonly documents: readonly Uint8Array[];
}[] = [
  { name: 'decodeCbor', decode: decodeCbor, documents: [manifest, keyset] },
  {
    name: 'openSign1',
    decode: (bytes) => openSign1(bytes, 'manifest'),
    documents: [seal('manifest', manifest)],
  },
  {
    name: 'openSign',
    decode: (bytes) => openSign(bytes, 'keyset'),
    documents: [sealSign('keyset', keyset, [first, second])],
  },
  { name: 'parseKeyset', decode: parseKeyset, documents: [keyset] },
  { name: 'parseManifest', decode: parseManifest, documents: [manifest] },
  { name: 'parsePolicy', decode: parsePolicy, documents: [encodePolicy(samplePolicy())] },
  { name: 'parseBeacon', decode: parseBeacon, documents: [encodeBeacon(sampleBeacon())] },
  { name: 'parseEvidence', decode: parseEvidence, documents: [encodeEvidence(sampleEvidence())] },
  { name: 'parseSelfTest', decode: parseSelfTest, documents: [encodeSelfTest(sampleSelfTest())] },
  {
    name: 'parseReleaseFile',
    decode: (bytes) => parseReleaseFile(bytes, createNodeCrypto()),
    documents: [
      encodeReleaseFile(seal('manifest', manifest), [new Uint8Array(10_000), new Uint8Array(100)]),
    ],
  },
  { name: 'decodeTally', decode: decodeTally, documents: [encodeTally(sampleTally())] },
  {
    name: 'decodeRecord',
    decode: decodeRecord,
    documents: [encodeRecord({ generation: 3, record: sampleRecord })],
  },
  {
    name: 'parsePresence',
    decode: parsePresence,
    documents: [new TextEncoder().encode('{"online": true, "boot": 3, "connection": 1}')],
  },
  {
    name: 'decodeMedia of wav',
    decode: (bytes) => decodeMedia(bytes, { decode: 'wav', channels: 1, sampleRateHz: undefined }),
    documents: [writeWav(samples16([1, 2, 3])), writeWav(samples16([1, 2]), { extensible: true })],
  },
  ...(['png', 'jpeg'] as const).map((decode) => ({
    name: `decodeMedia of ${decode}`,
    decode: (bytes: Uint8Array) =>
      decodeMedia(bytes, { decode, channels: 3, sampleRateHz: undefined }),
    documents: [
      pictureFile(decode === 'png' ? 'colours.png' : 'colours.jpg'),
      pictureFile(decode === 'png' ? 'turned.png' : 'turned-6.jpg'),
    ],
  })),
  {
    name: 'parsePipelineFile',
    decode: (bytes) => parsePipelineFile(new TextDecoder().decode(bytes), ['model']),
    documents: [
      text({
        window: { frames: 256, stride: 128, channels: 3, sampleRateHz: 1600 },
        normalise: { kind: 'standardise', multiply: 2, add: 1 },
        decision: { kind: 'argmax', threshold: 0.5 },
      }),
    ],
  },
];

describe('A decoder of bytes from outside', () => {
  for (const { name, decode, documents } of targets) {
    it(`gives a value or a code, and nothing else, for damaged documents: ${name}`, () => {
      fc.assert(
        fc.property(mutationsOf(documents), (bytes) => {
          assertValueOrCode(decode, bytes);
        }),
        { numRuns: 500 },
      );
    });

    it(`does so for what is no document at all: ${name}`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
          assertValueOrCode(decode, bytes);
        }),
        { numRuns: 200 },
      );
    });
  }

  it('would be caught if it threw something without a code, or made a code up', () => {
    const bytes = Uint8Array.of(0);
    assert.throws(() => {
      assertValueOrCode(() => {
        throw new TypeError('cannot read properties of undefined');
      }, bytes);
    }, TypeError);
    assert.throws(() => {
      assertValueOrCode(() => ({ ok: false, rejection: { code: 'oops', detail: '' } }), bytes);
    }, /no code/);
  });
});
