import {
  shortestTrial,
  everyone,
  type Arm,
  type Policy,
} from '../../../protocol/documents/policy.js';
import assert from 'node:assert/strict';
import { assign } from '../../../protocol/assignment/assign.js';
import { experimentName, isExposed } from '../../../protocol/assignment/bucket.js';
import {
  comparisonOf,
  isDrawn,
  isHeldOut,
  noStanding,
  sameComparison,
} from '../../../protocol/assignment/comparison.js';

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

  const evidence = { devices: 3, alphaPermille: 50, deviceMarginPermille: 50, blockWindows: 10 };
  const ramp: Policy = {
    ...policy(
      arm('ramp', 2, { minBlocks: 4 }),
      arm('shadow', 2, { shadow }),
      arm('back', 1, { shadow }),
    ),
    evidence,
  };
  const salt = new Uint8Array(8).fill(2);
  const fallback = { release: release(1), salt, minBlocks: 4, holdout: 0 };
  const promoted: Policy = { ...policy(), champion: release(2), promoted: 2, evidence, fallback };
  for (const [what, wanted, standing, serves, compares, aside] of [
    ['has compared enough', ramp, { named: false, blocks: 4 }, 2, 'back', undefined],
    ['has compared too little', ramp, { named: false, blocks: 3 }, 1, 'shadow', 'too-few-blocks'],
    ['is named', ramp, { named: true, blocks: 40 }, 1, 'shadow', 'named'],
    [
      'has compared enough before a promotion',
      promoted,
      { named: false, blocks: 4 },
      2,
      undefined,
      undefined,
    ],
    [
      'has compared too little before it',
      promoted,
      { named: false, blocks: 3 },
      1,
      undefined,
      'too-few-blocks',
    ],
    ['is named before or after it', promoted, { named: true, blocks: 40 }, 1, undefined, 'named'],
    [
      'is held out of it',
      { ...promoted, fallback: { ...fallback, holdout: everyone } },
      { named: false, blocks: 4 },
      1,
      undefined,
      'holdout',
    ],
    [
      'is named, and nothing is promoted or ramped',
      policy(arm('a', 2, { shadow })),
      { named: true, blocks: 9 },
      1,
      'a',
      undefined,
    ],
  ] as const) {
    it(`serves a device that ${what} with release ${serves}`, () => {
      const assignment = assign(wanted, 'press-7', { ...noStanding, ...standing });
      assert.equal(assignment.release.sequence, serves);
      assert.equal(assignment.shadow?.name, compares);
      assert.equal(assignment.aside, aside);
    });
  }

  it('lets a served device answer by turns, one release after the other, and compares nothing beside it', () => {
    const wanted: Policy = { ...ramp, evidence: { ...evidence, turnWindows: 5 } };
    const answers = Array.from({ length: 40 }, (_, window) => {
      const turns = { pairs: Math.floor(window / 10), windows: window % 10 };
      return assign(wanted, 'press-7', { named: false, blocks: 4, turns });
    });
    assert.ok(answers.every(({ shadow: beside }) => beside === undefined));
    for (let pair = 0; pair < 4; pair++) {
      const [first, second] = [0, 5].map((from) =>
        answers.slice(10 * pair + from, 10 * pair + from + 5).map(({ release: r }) => r.sequence),
      );
      assert.equal(new Set(first).size, 1);
      assert.deepEqual([...new Set([...(first ?? []), ...(second ?? [])])].sort(), [1, 2]);
    }
    const aside = assign(wanted, 'press-7', { ...noStanding, named: true, blocks: 4 });
    assert.deepEqual([aside.release.sequence, aside.turn, aside.aside], [1, undefined, 'named']);
  });

  it('knows its comparison from the shadow, through the ramp, to the promotion', () => {
    const begun = { ...policy(arm('shadow', 2, { shadow })), evidence };
    const [first, second, third] = [begun, ramp, promoted].map((each) => comparisonOf(each));
    assert.ok(first && second && third);
    assert.ok(sameComparison(first, second) && sameComparison(second, third));
    assert.equal(comparisonOf(policy(arm('shadow', 2, { shadow }))), undefined);
    assert.equal(comparisonOf({ ...policy(), evidence }), undefined);
  });

  it('holds out about the share that is asked for, whoever serves in the ramp', () => {
    const ids = Array.from({ length: 2_000 }, (_, i) => `press-${i}`);
    const out = ids.filter((id) => isHeldOut(salt, id, 2_000));
    const served = out.filter((id) => isExposed(experimentName(salt), id, 5_000));
    assert.ok(Math.abs(out.length / ids.length - 0.2) < 0.04, String(out.length));
    assert.ok(Math.abs(served.length / out.length - 0.5) < 0.1, String(served.length));
  });

  it('draws about the share of windows that is asked for, also where that is tiny', () => {
    const drawn = (share: number): number =>
      Array.from({ length: 200_000 }, (_, i) => i).filter((i) =>
        isDrawn(salt, `press-7/1/${i}`, share),
      ).length;
    assert.ok(Math.abs(drawn(0.1) - 20_000) < 600, String(drawn(0.1)));
    assert.ok(Math.abs(drawn(0.0001) - 20) < 20, String(drawn(0.0001)));
    assert.equal(drawn(1), 200_000);
  });
});
