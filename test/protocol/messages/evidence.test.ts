import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeCbor } from '../../../protocol/cbor/decode.js';
import { encodeCbor } from '../../../protocol/cbor/encode.js';
import type { CborMap, CborValue } from '../../../protocol/cbor/value.js';
import { expectOk } from '../../../protocol/coded-error.js';
import { sealSign1 } from '../../../protocol/cose/sign1.js';
import { limits } from '../../../protocol/limits.js';
import { encodeDisagreements } from '../../../protocol/messages/disagreements.js';
import {
  encodeEvidence,
  parseEvidence,
  type Block,
  type BlockList,
  type Evidence,
} from '../../../protocol/messages/evidence.js';
import type { Result } from '../../../protocol/result.js';
import { parseDisagreements } from '../../../protocol/messages/disagreements.js';
import { fixedKey, sampleDisagreements, sampleEvidence } from '../../helpers/documents.js';

const codeOf = (result: Result<unknown>): string => (result.ok ? 'ok' : result.rejection.code);

/** A list of blocks as a device may have it: policies never fall. */
const blockList = (served: 0 | 1): fc.Arbitrary<BlockList> =>
  fc
    .record({
      counts: fc.array(fc.tuple(fc.nat(20), fc.nat(20), fc.nat(20), fc.nat(20), fc.boolean()), {
        maxLength: 60,
      }),
      full: fc.boolean(),
    })
    .map(({ counts, full }) => {
      let policy = 1;
      const blocks = counts.map(([b, c, u, more, isNext], i): Block => {
        if (isNext && i < limits.evidencePolicies) policy++;
        const windows = b + c + u + more + 1;
        const differences = { onlyChampionRight: b, onlyChallengerRight: c, unlabelled: u };
        return { ...differences, windows, policy, served };
      });
      return { blocks, full };
    });

const evidence = fc
  .record({
    shadow: blockList(0),
    served: blockList(1),
    correlation: fc.option(fc.integer({ min: -1000, max: 1000 }), { nil: undefined }),
    aside: fc.constantFrom('named', 'too-few-blocks', 'holdout', undefined),
    drift: fc.constantFrom('none', 'marked', 'hold'),
    revision: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  })
  .map((change) => sampleEvidence(change as Partial<Evidence>));

describe('Evidence', () => {
  it('is after a way over the wire what it was before', () => {
    fc.assert(
      fc.property(evidence, (before) => {
        assert.deepEqual(expectOk(parseEvidence(encodeEvidence(before))), before);
      }),
    );
  });

  it('fits its message where both lists are full of the greatest blocks, with its signature', () => {
    const most = limits.blockWindows;
    const list = (served: 0 | 1): BlockList => ({
      full: true,
      blocks: Array.from({ length: limits.evidenceBlocks }, (_, i) => ({
        onlyChampionRight: Math.floor(most / 3),
        onlyChallengerRight: Math.floor(most / 3),
        unlabelled: Math.floor(most / 3),
        windows: most,
        policy: Number.MAX_SAFE_INTEGER - limits.evidencePolicies + (i % limits.evidencePolicies),
        served,
      })).sort((a, b) => a.policy - b.policy),
    });
    const greatest = Number.MAX_SAFE_INTEGER;
    const message = encodeEvidence(
      sampleEvidence({
        deviceId: 'd'.repeat(64),
        slot: 's'.repeat(32),
        revision: greatest,
        shadow: list(0),
        served: list(1),
        totals: {
          windows: greatest,
          onlyChampionRight: 2 ** 51,
          onlyChallengerRight: 2 ** 51,
          disagreements: greatest,
          unlabelled: 2 ** 51,
          labelled: greatest,
        },
        late: { reports: greatest, onlyChampion: 2 ** 51, onlyChallenger: 2 ** 51 },
        service: { serving: true, reports: greatest },
      }),
    );
    assert.equal(codeOf(parseEvidence(message)), 'ok');
    const key = fixedKey(1);
    const signed = sealSign1('evidence', key.kid, message, (bytes) => key.sign(bytes));
    assert.ok(signed.length <= limits.evidenceBytes, `${signed.length} bytes`);
  });

  const changed = (where: readonly number[], value: CborValue): Uint8Array => {
    const decoded = expectOk(decodeCbor(encodeEvidence(sampleEvidence()))) as CborMap;
    const set = (at: CborValue, [key = 0, ...more]: readonly number[]): CborValue => {
      if (Array.isArray(at)) {
        const items = [...(at as readonly CborValue[])];
        items[key] = more.length === 0 ? value : set(items[key] ?? 0, more);
        return items;
      }
      const map = new Map(at as CborMap);
      return map.set(key, more.length === 0 ? value : set(map.get(key) ?? 0, more));
    };
    return encodeCbor(set(decoded, where));
  };

  for (const [what, where, value] of [
    ['a block without windows', [10, 2, 0, 1, 0, 2], 0],
    ['a block with more differences than windows', [10, 2, 0, 1, 0, 0], 9],
    ['policies that fall', [10, 2, 1, 0], 2],
    ['a policy that comes twice', [10, 2, 1, 0], 3],
    ['totals with more differences than there are', [9, 1], 8],
    ['totals with more disagreements than windows', [9, 3], 49],
    ['more late reports than reports', [13, 1], 7],
    ['an unknown reason to stay aside', [15], 3],
    ['an unknown mark of drift', [16], 3],
    ['a correlation above one', [12], 1001],
    ['revision 0', [7], 0],
    ['an unknown field', [17], 1],
  ] as const) {
    it(`with ${what} is refused`, () => {
      assert.equal(codeOf(parseEvidence(changed(where, value))), 'document-invalid');
    });
  }

  it('of more than its limit is refused before it is decoded', () => {
    const huge = new Uint8Array(limits.evidenceBytes + 1);
    assert.equal(codeOf(parseEvidence(huge)), 'evidence-too-large');
  });
});

describe('Disagreements', () => {
  it('are after a way over the wire what they were before', () => {
    const before = sampleDisagreements();
    assert.deepEqual(expectOk(parseDisagreements(encodeDisagreements(before))), before);
  });
});
