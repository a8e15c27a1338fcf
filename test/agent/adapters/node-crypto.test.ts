import assert from 'node:assert/strict';
import { createNodeCrypto, isSoundEd25519Key } from '../../../agent/adapters/node-crypto.js';
import { fixedKey } from '../../helpers/documents.js';
import { fromHex } from '../../helpers/hex.js';
import { requires } from '../../helpers/requires.js';
import { readVectors } from '../../helpers/vectors.js';

const crypto = createNodeCrypto();

describe('isSoundEd25519Key', () => {
  it('refuses every point of small order: those that multiplying with the group order finds', () => {
    const smallOrder = smallOrderPoints();
    assert.equal(smallOrder.size, 8);
    for (const encoding of smallOrder)
      assert.equal(isSoundEd25519Key(fromHex(encoding)), false, encoding);
  });

  it('refuses keys that have a second spelling', () => {
    // y and y + p are the same point; only the first 19 values fit 255 bits twice.
    for (let y = 0n; y < 19n; y++) {
      for (const sign of [0n, 1n]) {
        assert.equal(isSoundEd25519Key(fromHex(littleEndian(y + p, sign))), false, String(y));
      }
    }
  });

  it('refuses keys of another length', () => {
    for (const length of [0, 31, 33, 64])
      assert.equal(isSoundEd25519Key(new Uint8Array(length).fill(9)), false);
  });

  it('takes keys that are somebody’s', () => {
    for (let seed = 0; seed < 50; seed++) assert.ok(isSoundEd25519Key(fixedKey(seed).publicKey));
  });
});

describe('verifyEd25519', () => {
  it('believes nothing under keys for which anybody could sign', () => {
    // R is the identity and S is 0: OpenSSL accepts it for a part of all messages under such keys.
    const nobodys = fromHex('01'.padEnd(128, '0'));
    for (const encoding of smallOrderPoints()) {
      for (let i = 0; i < 32; i++) {
        assert.equal(crypto.verifyEd25519(fromHex(encoding), Uint8Array.of(i), nobodys), false);
      }
    }
  });

  it('believes no signature with a scalar of the second spelling', () => {
    const key = fixedKey(1);
    const message = Uint8Array.of(1, 2, 3);
    const signature = key.sign(message);
    assert.ok(crypto.verifyEd25519(key.publicKey, message, signature));
    const scalar = fromLittleEndian(signature.subarray(32)) + groupOrder;
    const malleable = Uint8Array.from([
      ...signature.subarray(0, 32),
      ...fromHex(littleEndian(scalar, 0n)),
    ]);
    assert.equal(crypto.verifyEd25519(key.publicKey, message, malleable), false);
  });

  it('says no, and never throws, for what is no key or no signature', () => {
    const { publicKey } = fixedKey(1);
    for (const length of [0, 1, 63, 65]) {
      assert.equal(
        crypto.verifyEd25519(publicKey, new Uint8Array(), new Uint8Array(length)),
        false,
      );
    }
    // Half of all values are the y of no point.
    for (let i = 2; i < 40; i++) {
      const key = new Uint8Array(32).fill(i);
      assert.equal(crypto.verifyEd25519(key, new Uint8Array(), new Uint8Array(64).fill(i)), false);
    }
  });
});

describe('verifyEd25519 beside the cases of Wycheproof', () => {
  before(function () {
    requires(this, 'shared');
  });

  it('gives their verdict in each', () => {
    const { testGroups } = readVectors('wycheproof/ed25519_test.json') as {
      testGroups: readonly {
        readonly publicKey: { readonly pk: string };
        readonly tests: readonly {
          tcId: number;
          comment: string;
          msg: string;
          sig: string;
          result: string;
        }[];
      }[];
    };
    let cases = 0;
    for (const { publicKey, tests } of testGroups) {
      for (const { tcId, comment, msg, sig, result } of tests) {
        const verdict = crypto.verifyEd25519(fromHex(publicKey.pk), fromHex(msg), fromHex(sig));
        assert.equal(verdict, result === 'valid', `${tcId} ${comment}`);
        cases++;
      }
    }
    assert.ok(cases > 100);
  });
});

// Edwards25519 in affine coordinates (RFC 8032, 5.1): slow, and short enough to be seen to be right.

const p = 2n ** 255n - 19n;
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n;
const d = mod(-121665n * inverse(121666n));
const rootOfMinusOne = power(2n, (p - 1n) / 4n);

type Point = readonly [x: bigint, y: bigint];
const identity: Point = [0n, 1n];

/** Encodings of all points whose order divides 8: any point times the prime group order is one of them. */
function smallOrderPoints(): ReadonlySet<string> {
  const found = new Set<string>();
  for (let y = 2n; found.size < 8; y++) {
    const x = xOf(y);
    if (x === undefined) continue;
    for (const point of [
      [x, y],
      [mod(-x), y],
    ] as const) {
      const [smallX, smallY] = multiply(point, groupOrder);
      assert.deepEqual(multiply([smallX, smallY], 8n), identity);
      found.add(littleEndian(smallY, smallX & 1n));
    }
  }
  // A point with x = 0 has an encoding with a sign besides, which decoders may take for the same point.
  assert.ok(found.has(littleEndian(1n, 0n)) && found.has(littleEndian(p - 1n, 0n)));
  return found;
}

/** An x for this y on the curve -x² + y² = 1 + d x² y²; undefined where there is none. */
function xOf(y: bigint): bigint | undefined {
  const square = mod((y * y - 1n) * inverse(d * y * y + 1n));
  let root = power(square, (p + 3n) / 8n);
  if (mod(root * root) !== square) root = mod(root * rootOfMinusOne);
  return mod(root * root) === square ? root : undefined;
}

function add([x1, y1]: Point, [x2, y2]: Point): Point {
  const product = mod(d * x1 * x2 * y1 * y2);
  return [
    mod((x1 * y2 + x2 * y1) * inverse(1n + product)),
    mod((y1 * y2 + x1 * x2) * inverse(1n - product)),
  ];
}

function multiply(point: Point, times: bigint): Point {
  let sum = identity;
  for (let rest = times, double = point; rest > 0n; rest >>= 1n, double = add(double, double)) {
    if ((rest & 1n) === 1n) sum = add(sum, double);
  }
  return sum;
}

function mod(value: bigint): bigint {
  const rest = value % p;
  return rest < 0n ? rest + p : rest;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (
    let rest = exponent, square = mod(base);
    rest > 0n;
    rest >>= 1n, square = mod(square * square)
  ) {
    if ((rest & 1n) === 1n) result = mod(result * square);
  }
  return result;
}

/** By Euclid's algorithm. */
function inverse(value: bigint): bigint {
  let [a, b] = [mod(value), p];
  let [x, y] = [1n, 0n];
  while (a !== 0n) {
    [x, y] = [y - (b / a) * x, x];
    [a, b] = [b % a, a];
  }
  return mod(y);
}

/** 32 bytes, little-endian, with the sign of x in the highest bit. */
function littleEndian(value: bigint, sign: bigint): string {
  const hex = (value | (sign << 255n)).toString(16).padStart(64, '0');
  return Buffer.from(hex, 'hex').reverse().toString('hex');
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}
