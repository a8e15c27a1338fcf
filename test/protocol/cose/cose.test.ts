import assert from 'node:assert/strict';
import { createNodeCrypto } from '../../../agent/adapters/node-crypto.js';
import { toHex } from '../../../protocol/bytes.js';
import { decodeCbor } from '../../../protocol/cbor/decode.js';
import { encodeCbor } from '../../../protocol/cbor/encode.js';
import { Tagged, type CborValue } from '../../../protocol/cbor/value.js';
import type { Code } from '../../../protocol/codes.js';
import { expectOk } from '../../../protocol/coded-error.js';
import { mediaType, sigStructure } from '../../../protocol/cose/header.js';
import { openSign, sealSign } from '../../../protocol/cose/sign.js';
import { openSign1, sealSign1 } from '../../../protocol/cose/sign1.js';
import { limits } from '../../../protocol/limits.js';
import type { Result } from '../../../protocol/result.js';
import { fixedKey } from '../../helpers/documents.js';
import { fromHex } from '../../helpers/hex.js';
import { requires } from '../../helpers/requires.js';
import { readVectors } from '../../helpers/vectors.js';

const key = fixedKey(1);
const crypto = createNodeCrypto();
const payload = fromHex('a0');

/** A protected header: what is given, over a good one; undefined leaves a label out. */
function header(change: Readonly<Record<number, CborValue | undefined>> = {}): Uint8Array {
  const fields = new Map<number, CborValue>([
    [1, -19],
    [4, key.kid],
    [16, mediaType('policy')],
  ]);
  for (const [label, value] of Object.entries(change)) {
    if (value === undefined) fields.delete(Number(label));
    else fields.set(Number(label), value);
  }
  return encodeCbor(fields);
}

describe('COSE_Sign1', () => {
  const sealed = sealSign1('policy', key.kid, payload, (bytes) => key.sign(bytes));
  const message = (items: CborValue, tag = 18): Uint8Array => encodeCbor(new Tagged(tag, items));
  const signature = new Uint8Array(64);

  it('carries type, algorithm and key under the signature, and nothing beside it', () => {
    const opened = expectOk(openSign1(sealed, 'policy'));
    assert.deepEqual(opened.kid, key.kid);
    assert.deepEqual(opened.payload, payload);
    assert.ok(crypto.verifyEd25519(key.publicKey, opened.toBeSigned, opened.signature));
  });

  it('cannot be changed in any byte without being refused or losing its signature', () => {
    for (let at = 0; at < sealed.length; at++) {
      const opened = openSign1(sealed.with(at, (sealed[at] ?? 0) ^ 1), 'policy');
      if (!opened.ok) continue;
      const { kid, toBeSigned, signature: changed } = opened.value;
      const holds = crypto.verifyEd25519(key.publicKey, toBeSigned, changed);
      assert.ok(!holds || toHex(kid) !== toHex(key.kid), `byte ${at}`);
    }
  });

  const refusals: readonly (readonly [what: string, bytes: Uint8Array, code: Code])[] = [
    ['one without a tag', encodeCbor([header(), new Map(), payload, signature]), 'cose-invalid'],
    [
      'the tag of COSE_Sign',
      message([header(), new Map(), payload, signature], 98),
      'cose-invalid',
    ],
    ['a map in the tag', message(new Map()), 'cose-invalid'],
    ['three items', message([header(), new Map(), payload]), 'cose-invalid'],
    ['five items', message([header(), new Map(), payload, signature, 0]), 'cose-invalid'],
    [
      'a key id in the unprotected header',
      message([header(), new Map([[4, key.kid]]), payload, signature]),
      'cose-invalid',
    ],
    [
      'an unprotected header that is no map',
      message([header(), [], payload, signature]),
      'cose-invalid',
    ],
    [
      'a protected header that is not wrapped',
      message([new Map([[1, -19]]), new Map(), payload, signature]),
      'cose-invalid',
    ],
    [
      'a protected header that is no map',
      message([encodeCbor([]), new Map(), payload, signature]),
      'cose-invalid',
    ],
    [
      'an empty protected header',
      message([new Uint8Array(), new Map(), payload, signature]),
      'cbor-truncated',
    ],
    [
      'a protected header in another spelling',
      message([fromHex('bf0132ff'), new Map(), payload, signature]),
      'cbor-not-deterministic',
    ],
    [
      'a header without key id',
      message([header({ 4: undefined }), new Map(), payload, signature]),
      'cose-invalid',
    ],
    [
      'a header without type',
      message([header({ 16: undefined }), new Map(), payload, signature]),
      'cose-invalid',
    ],
    [
      'a critical header',
      message([header({ 2: [99], 99: 0 }), new Map(), payload, signature]),
      'cose-invalid',
    ],
    [
      'a label in place of another',
      message([header({ 16: undefined, 3: 0 }), new Map(), payload, signature]),
      'cose-invalid',
    ],
    [
      'EdDSA, which does not say which curve',
      message([header({ 1: -8 }), new Map(), payload, signature]),
      'algorithm-unsupported',
    ],
    [
      'HMAC, for which a public key would be the secret',
      message([header({ 1: 5 }), new Map(), payload, signature]),
      'algorithm-unsupported',
    ],
    [
      'an algorithm by name',
      message([header({ 1: 'Ed25519' }), new Map(), payload, signature]),
      'algorithm-unsupported',
    ],
    [
      'a short key id',
      message([header({ 4: new Uint8Array(7) }), new Map(), payload, signature]),
      'cose-invalid',
    ],
    [
      'a key id in text',
      message([header({ 4: '12345678' }), new Map(), payload, signature]),
      'cose-invalid',
    ],
    [
      'another type',
      message([header({ 16: mediaType('beacon') }), new Map(), payload, signature]),
      'document-type-mismatch',
    ],
    [
      'a type by number',
      message([header({ 16: 42 }), new Map(), payload, signature]),
      'document-type-mismatch',
    ],
    ['a detached payload', message([header(), new Map(), null, signature]), 'cose-invalid'],
    [
      'a payload that is no byte string',
      message([header(), new Map(), 'payload', signature]),
      'cose-invalid',
    ],
    [
      'a short signature',
      message([header(), new Map(), payload, new Uint8Array(63)]),
      'cose-invalid',
    ],
    [
      'a signature that is no byte string',
      message([header(), new Map(), payload, 0]),
      'cose-invalid',
    ],
    ['a message with a byte behind it', Uint8Array.from([...sealed, 0]), 'cbor-not-deterministic'],
    ['half a message', sealed.slice(0, sealed.length >> 1), 'cbor-truncated'],
    ['more than fits a packet', new Uint8Array(limits.envelopeBytes + 1), 'document-too-large'],
  ];
  for (const [what, bytes, code] of refusals) {
    it(`refuses ${what}`, () => {
      assert.equal(codeOf(openSign1(bytes, 'policy')), code);
    });
  }

  it('takes a message of the greatest size', () => {
    const [body = new Uint8Array()] = [new Uint8Array(limits.envelopeBytes - sealed.length - 3)];
    const large = sealSign1('policy', key.kid, body, (bytes) => key.sign(bytes));
    assert.ok(large.length <= limits.envelopeBytes && large.length > limits.envelopeBytes - 16);
    assert.equal(codeOf(openSign1(large, 'policy')), undefined);
  });

  it('says in few words what is wrong with a long one', () => {
    const typ = 'x'.repeat(90_000);
    const opened = openSign1(
      message([header({ 16: typ }), new Map(), payload, signature]),
      'policy',
    );
    assert.ok(!opened.ok);
    // The reason goes into an event, which has to fit a packet.
    assert.ok(opened.rejection.detail.length < 1024);
  });
});

describe('COSE_Sign', () => {
  const other = fixedKey(2);
  const signer = (from: typeof key): Parameters<typeof sealSign>[2][number] => ({
    kid: from.kid,
    sign: (bytes) => from.sign(bytes),
  });
  const body = encodeCbor(new Map([[16, mediaType('keyset')]]));
  const signerHeader = (alg: number, kid: CborValue): Uint8Array =>
    encodeCbor(
      new Map<number, CborValue>([
        [1, alg],
        [4, kid],
      ]),
    );
  const signature = new Uint8Array(64);
  const one: CborValue = [signerHeader(-19, key.kid), new Map(), signature];
  const message = (signatures: CborValue, bodyHeader: CborValue = body): Uint8Array =>
    encodeCbor(new Tagged(98, [bodyHeader, new Map(), payload, signatures]));

  it('carries the signatures of several keys over the same payload', () => {
    const sealed = sealSign('keyset', payload, [signer(key), signer(other)]);
    const { signers } = expectOk(openSign(sealed, 'keyset'));
    const holds = signers.map(({ toBeSigned, signature: made }, i) =>
      crypto.verifyEd25519([key, other][i]?.publicKey ?? new Uint8Array(), toBeSigned, made),
    );
    assert.deepEqual(holds, [true, true]);
  });

  it('does not let a signature of one kind pass as one of the other', () => {
    assert.notDeepEqual(
      sigStructure('Signature1', body, payload),
      sigStructure('Signature', body, new Uint8Array(), payload),
    );
  });

  const refusals: readonly (readonly [what: string, bytes: Uint8Array, code: Code])[] = [
    ['no signature', message([]), 'cose-invalid'],
    ['signatures that are no array', message(0), 'cose-invalid'],
    [
      'too many signatures',
      message(
        Array.from({ length: limits.signatures + 1 }, (_, i) => [
          signerHeader(-19, key.kid.with(0, i)),
          new Map(),
          signature,
        ]),
      ),
      'cose-invalid',
    ],
    ['one key that signs twice', message([one, one]), 'cose-invalid'],
    [
      'a signature of two items',
      message([[signerHeader(-19, key.kid), signature]]),
      'cose-invalid',
    ],
    [
      'a signature without a key',
      message([[encodeCbor(new Map([[1, -19]])), new Map(), signature]]),
      'cose-invalid',
    ],
    [
      'another algorithm',
      message([[signerHeader(-8, key.kid), new Map(), signature]]),
      'algorithm-unsupported',
    ],
    [
      'a long signature',
      message([[signerHeader(-19, key.kid), new Map(), new Uint8Array(65)]]),
      'cose-invalid',
    ],
    [
      'another type',
      message([one], encodeCbor(new Map([[16, mediaType('policy')]]))),
      'document-type-mismatch',
    ],
    [
      'an algorithm in the body',
      message(
        [one],
        encodeCbor(
          new Map<number, CborValue>([
            [1, -19],
            [16, mediaType('keyset')],
          ]),
        ),
      ),
      'cose-invalid',
    ],
    [
      'a COSE_Sign1',
      sealSign1('keyset', key.kid, payload, (bytes) => key.sign(bytes)),
      'cose-invalid',
    ],
  ];
  for (const [what, bytes, code] of refusals) {
    it(`refuses ${what}`, () => {
      assert.equal(codeOf(openSign(bytes, 'keyset')), code);
    });
  }
});

describe('COSE beside published examples', () => {
  interface Example {
    readonly id: string;
    readonly kind: string;
    readonly alg?: string;
    readonly expect?: 'accept' | 'reject';
    readonly key?: { readonly crv: string; readonly x: string };
    readonly external_aad_hex?: string;
    readonly tbs_hex?: string;
    readonly tbs_match?: boolean;
    readonly cbor_hex?: string;
  }
  let examples: readonly Example[] = [];

  before(function () {
    requires(this, 'shared');
    ({ vectors: examples } = readVectors('cose-vectors.json') as { vectors: readonly Example[] });
  });

  it('computes the bytes to be signed that the examples give, and Ed25519 gives their verdicts', () => {
    let compared = 0;
    let verified = 0;
    for (const {
      id,
      kind,
      tbs_hex,
      tbs_match,
      cbor_hex,
      external_aad_hex,
      key: jwk,
      expect,
    } of examples) {
      if (kind !== 'COSE_Sign1' || external_aad_hex !== '' || tbs_match !== true) continue;
      const decoded = decodeCbor(fromHex(cbor_hex ?? ''));
      if (!decoded.ok) continue;
      const inner = decoded.value instanceof Tagged ? decoded.value.value : decoded.value;
      const [bodyHeader, , content, signature] = inner as readonly CborValue[];
      if (!(bodyHeader instanceof Uint8Array) || !(content instanceof Uint8Array)) continue;
      // An empty map is signed as an empty string (RFC 9052, 4.4); our headers are never empty.
      if (bodyHeader.length < 2) continue;
      const toBeSigned = sigStructure('Signature1', bodyHeader, content);
      assert.equal(toHex(toBeSigned), tbs_hex, id);
      compared++;
      if (jwk?.crv !== 'Ed25519' || !(signature instanceof Uint8Array)) continue;
      assert.equal(
        crypto.verifyEd25519(fromHex(jwk.x), toBeSigned, signature),
        expect === 'accept',
        id,
      );
      verified++;
    }
    assert.ok(compared >= 8 && verified >= 1, `${compared} compared, ${verified} verified`);
  });

  it('believes none of them, because none is a document of ours', () => {
    for (const { id, cbor_hex } of examples) {
      if (cbor_hex === undefined) continue;
      assert.ok(!openSign1(fromHex(cbor_hex), 'manifest').ok, id);
    }
  });
});

function codeOf(result: Result<unknown>): Code | undefined {
  return result.ok ? undefined : result.rejection.code;
}
