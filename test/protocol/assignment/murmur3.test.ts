import assert from 'node:assert/strict';
import { murmur3 } from '../../../protocol/assignment/murmur3.js';
import { requires } from '../../helpers/requires.js';
import { vectorCases } from '../statistics/vectors.js';

describe('murmur3', () => {
  const rows = [
    { text: '', seed: 0, hash: 0 },
    { text: '', seed: 1, hash: 0x514e28b7 },
    { text: '', seed: 0xffffffff, hash: 0x81f16f39 },
    { text: 'test', seed: 0, hash: 0xba6bd213 },
    { text: 'Hello, world!', seed: 0, hash: 0xc0363e43 },
    { text: 'The quick brown fox jumps over the lazy dog', seed: 0x9747b28c, hash: 0x2fa826cd },
    { text: 'gw-ünï-☃', seed: 0, hash: 2581143329 },
  ];
  for (const { text, seed, hash } of rows) {
    it(`hashes ${JSON.stringify(text)} with seed ${seed} to its published value`, () => {
      assert.equal(hashOf(text, seed), hash);
    });
  }

  it('hashes a part of a larger buffer like a copy of it', () => {
    const bytes = new TextEncoder().encode('xthe middle');
    assert.equal(murmur3(bytes.subarray(1)), murmur3(bytes.slice(1)));
  });

  describe('beside the reference vectors', () => {
    before(function () {
      requires(this, 'shared');
    });

    it('hashes as they say', () => {
      const cases = vectorCases<{ utf8: string; seed: number; hash_u32: number }>('murmur3_x86_32');
      for (const { utf8, seed, hash_u32 } of cases) assert.equal(hashOf(utf8, seed), hash_u32);
    });

    it('gives the buckets of Unleash, which hashes the same way', () => {
      const cases = vectorCases<{
        id: string;
        group: string;
        strategy_0_100: number;
        variant_100: number;
      }>('unleash_normalized');
      for (const { id, group, strategy_0_100, variant_100 } of cases) {
        const text = `${group}:${id}`;
        assert.equal((hashOf(text, 0) % 100) + 1, strategy_0_100);
        assert.equal((hashOf(text, 86028157) % 100) + 1, variant_100);
      }
    });
  });
});

function hashOf(text: string, seed: number): number {
  return murmur3(new TextEncoder().encode(text), seed);
}
