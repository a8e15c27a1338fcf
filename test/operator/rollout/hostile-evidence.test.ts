import assert from 'node:assert/strict';
import fc from 'fast-check';
import { sealSign1 } from '../../../protocol/cose/sign1.js';
import { codes } from '../../../protocol/codes.js';
import { limits } from '../../../protocol/limits.js';
import { encodeEvidence, parseEvidence } from '../../../protocol/messages/evidence.js';
import { createSeededKey } from '../../../simulator/ports/seeded-key.js';
import { mutationsOf } from '../../helpers/mutation.js';
import { blocks, evidenceOf, ExampleFleet, exampleRollout } from './example-rollout.js';

const id = 'press-0';
const sound = [
  evidenceOf(id, { shadow: blocks(40, [1, 1]) }),
  evidenceOf(id, {
    shadow: blocks(3, [0, 0]),
    served: blocks(256, [2, 0], { served: 1, policy: 4 }),
    aside: 'named',
  }),
].map(encodeEvidence);

describe('Hostile evidence', () => {
  it('is refused with a code, or is evidence within its limits: 20,000 damaged payloads', () => {
    fc.assert(
      fc.property(mutationsOf(sound), (payload) => {
        const parsed = parseEvidence(payload);
        if (!parsed.ok) {
          assert.ok(Object.hasOwn(codes, parsed.rejection.code));
          return;
        }
        const { shadow, served, totals } = parsed.value;
        for (const { blocks: list } of [shadow, served]) {
          assert.ok(list.length <= limits.evidenceBlocks);
          for (const {
            onlyChampionRight: b,
            onlyChallengerRight: c,
            unlabelled,
            windows,
          } of list) {
            assert.ok(b >= 0 && c >= 0 && b + c + unlabelled <= windows);
          }
        }
        assert.ok(totals.disagreements <= totals.windows);
      }),
      { numRuns: 20_000 },
    );
  });

  it('of a device that signs whatever it likes takes no more memory than any other, and nobody else down', () => {
    const rollout = exampleRollout(3);
    const fleet = new ExampleFleet(rollout);
    fleet.meet(id);
    fleet.meet('press-1');
    fleet.say(evidenceOf('press-1', { shadow: blocks(9, [0, 0]) }));
    const other = fleet.fleet.devices.get('press-1')?.evidence;
    const key = createSeededKey(id);
    const lives = fc.uint8Array({ minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(mutationsOf(sound), lives, (payload, life) => {
        const sign = (bytes: Uint8Array): Uint8Array => key.sign(bytes);
        const envelope = sealSign1('evidence', key.kid, payload, sign);
        const heard = { channel: 'evidence', slot: 'vibration', envelope } as const;
        fleet.fleet.take(id, heard, true, 0);
        fleet.say(evidenceOf(id, { shadow: blocks(9, [0, 0]), life }));
        const known = fleet.fleet.devices.get(id);
        assert.ok((known?.lives.length ?? 0) <= 16);
        assert.ok((known?.evidence?.shadow.blocks.length ?? 0) <= limits.evidenceBlocks);
      }),
      { numRuns: 500 },
    );
    assert.equal(fleet.fleet.devices.size, 3);
    assert.equal(fleet.fleet.devices.get('press-1')?.evidence, other);
  });
});
