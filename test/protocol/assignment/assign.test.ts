import {
  shortestTrial,
  everyone,
  type Arm,
  type Policy,
} from '../../../protocol/documents/policy.js';
import assert from 'node:assert/strict';
import { assign } from '../../../protocol/assignment/assign.js';

const release = (sequence: number) => ({
  sequence,
  manifest: new Uint8Array(32).fill(sequence),
});
const arm = (name: string, sequence: number, change: Partial<Arm> = {}): Arm => ({
  name,
  release: release(sequence),
  exposure: everyone,
  salt: new Uint8Array(8).fill(sequence),
  ...change,
});
const shadow = { windows: 100, budgetPermille: 250 };

const policy = (...arms: readonly Arm[]): Policy => ({
  version: 1,
  slot: 'vibration',
  champion: release(1),
  arms,
  promoted: undefined,
  trial: shortestTrial,
  gate: undefined,
});

describe('An assignment', () => {
  const rows: readonly (readonly [
    what: string,
    arms: readonly Arm[],
    serves: number,
    compares: string | undefined,
  ])[] = [
    ['nothing but a champion', [], 1, undefined],
    ['an arm for nobody', [arm('a', 2, { exposure: 0 })], 1, undefined],
    ['an arm for everyone', [arm('a', 2)], 2, undefined],
    ['two arms: the first one counts', [arm('a', 2), arm('b', 3)], 2, undefined],
    ['a shadow: the champion answers', [arm('a', 2, { shadow })], 1, 'a'],
    ['a shadow for nobody', [arm('a', 2, { shadow, exposure: 0 })], 1, undefined],
    [
      'two shadows: the first one counts',
      [arm('a', 2, { shadow }), arm('b', 3, { shadow })],
      1,
      'a',
    ],
    ['a shadow before an arm that answers', [arm('a', 2, { shadow }), arm('b', 3)], 3, 'a'],
    ['a shadow of what answers already', [arm('a', 2), arm('b', 2, { shadow })], 2, undefined],
    ['a shadow of the champion, which answers', [arm('a', 1, { shadow })], 1, undefined],
    ['a shadow of the champion beside an arm', [arm('a', 2), arm('b', 1, { shadow })], 2, 'b'],
    [
      'a shadow of what answers already, and another one',
      [arm('a', 1, { shadow }), arm('b', 2, { shadow })],
      1,
      'b',
    ],
  ];
  for (const [what, arms, serves, compares] of rows) {
    it(`follows ${what}`, () => {
      const assignment = assign(policy(...arms), 'press-7');
      assert.equal(assignment.release.sequence, serves);
      assert.equal(assignment.shadow?.name, compares);
    });
  }

  it('gives each device its own lot, near the exposure, and takes nobody out of a growing arm', () => {
    const ids = Array.from({ length: 2_000 }, (_, i) => `press-${i}`);
    const inArm = (exposure: number): readonly string[] =>
      ids.filter((id) => assign(policy(arm('a', 2, { exposure })), id).release.sequence === 2);
    let before: readonly string[] = [];
    for (const exposure of [100, 1_000, 5_000, 9_000]) {
      const now = inArm(exposure);
      const share = now.length / ids.length;
      assert.ok(Math.abs(share - exposure / everyone) < 0.04, `${share} at ${exposure}`);
      assert.ok(before.every((id) => now.includes(id)));
      before = now;
    }
  });

  it('draws the lots of two arms independently of each other', () => {
    const ids = Array.from({ length: 2_000 }, (_, i) => `press-${i}`);
    const half = { exposure: 5_000 };
    const both = ids.filter((id) => {
      const { release: served, shadow: compared } = assign(
        policy(arm('a', 2, half), arm('b', 3, { ...half, shadow })),
        id,
      );
      return served.sequence === 2 && compared !== undefined;
    });
    assert.ok(Math.abs(both.length / ids.length - 0.25) < 0.04, String(both.length));
  });
});
