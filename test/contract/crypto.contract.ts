import assert from 'node:assert/strict';
import { toHex } from '../../protocol/bytes.js';
import type { Crypto } from '../../agent/ports/crypto.js';
import { fromHex } from '../helpers/hex.js';

/** What every crypto port promises (`agent/ports/crypto.ts`). */
export function describeCrypto(name: string, crypto: Crypto): void {
  describe(`The crypto port: ${name}`, () => {
    /** Examples of FIPS 180-4, and the length at which the padding needs a block of its own. */
    const digests: readonly (readonly [message: Uint8Array, digest: string])[] = [
      [new Uint8Array(), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
      [
        new TextEncoder().encode('abc'),
        'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      ],
      [
        new TextEncoder().encode('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'),
        '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
      ],
      [
        new Uint8Array(1_000_000).fill(0x61),
        'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0',
      ],
    ];
    for (const [message, digest] of digests) {
      it(`computes SHA-256 of ${message.length} bytes`, () => {
        assert.equal(toHex(crypto.sha256(message)), digest);
      });
    }

    /** RFC 8032, 7.1, tests 1 to 3. */
    const signatures: readonly (readonly [key: string, message: string, signature: string])[] = [
      [
        'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
        '',
        'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
      ],
      [
        '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
        '72',
        '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
      ],
      [
        'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
        'af82',
        '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
      ],
    ];
    it('verifies the signatures of RFC 8032, and none that differs in one bit', () => {
      for (const [key, message, signature] of signatures) {
        const [k, m, s] = [key, message, signature].map(fromHex);
        assert.ok(k && m && s);
        assert.ok(crypto.verifyEd25519(k, m, s));
        assert.ok(!crypto.verifyEd25519(k, Uint8Array.from([...m, 0]), s));
        for (let at = 0; at < 64; at++)
          assert.ok(!crypto.verifyEd25519(k, m, s.with(at, (s[at] ?? 0) ^ 1)));
        for (let at = 0; at < 32; at++)
          assert.ok(!crypto.verifyEd25519(k.with(at, (k[at] ?? 0) ^ 1), m, s));
      }
    });

    it('says no, and never throws, for keys and signatures that are none', () => {
      const [key, message, signature] = (signatures[1] ?? ['', '', '']).map(fromHex);
      assert.ok(key && message && signature);
      for (const length of [0, 31, 33])
        assert.ok(!crypto.verifyEd25519(new Uint8Array(length), message, signature));
      for (const length of [0, 63, 65])
        assert.ok(!crypto.verifyEd25519(key, message, new Uint8Array(length)));
      // The identity, and 1 in its second spelling: everybody could sign for them.
      for (const weak of ['01'.padEnd(64, '0'), `ee${'ff'.repeat(30)}7f`]) {
        assert.ok(!crypto.verifyEd25519(fromHex(weak), message, fromHex('01'.padEnd(128, '0'))));
      }
    });

    it('leaves its arguments as they are', () => {
      const message = Uint8Array.of(1, 2, 3);
      crypto.sha256(message);
      assert.deepEqual(message, Uint8Array.of(1, 2, 3));
    });
  });
}
