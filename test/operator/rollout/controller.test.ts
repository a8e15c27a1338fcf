import assert from 'node:assert/strict';
import fc from 'fast-check';
import { experimentName, isExposed } from '../../../protocol/assignment/bucket.js';
import { fromHex } from '../../../protocol/bytes.js';
import type { Evidence } from '../../../protocol/messages/evidence.js';
import {
  lookAtRollout,
  overrule,
  withEnrolled,
  withRequest,
  withTime,
} from '../../../operator/rollout/controller.js';
import { policyOf } from '../../../operator/rollout/rollout-policy.js';
import type { Rollout } from '../../../operator/rollout/rollout.js';
import {
  blocks,
  challenger,
  champion,
  ExampleFleet,
  evidenceOf,
  exampleRollout,
} from './example-rollout.js';

const time = { wallMs: 5, monotonicMs: 2_000, askedMs: 0 };
const idsOf = ({ roster }: Rollout): readonly string[] => roster.map(({ deviceId }) => deviceId);
const present = (rollout: Rollout): Rollout => ({ ...rollout, present: idsOf(rollout) });

/** A fleet in which everybody is there and says this. */
function fleetOf(
  rollout: Rollout,
  of: (deviceId: string, i: number) => Parameters<typeof evidenceOf>[1] | undefined,
  serving: ReadonlySet<string> = new Set(),
): ExampleFleet {
  const fleet = new ExampleFleet(rollout);
  for (const [i, deviceId] of idsOf(rollout).entries()) {
    const current = serving.has(deviceId) ? challenger.sequence : champion.sequence;
    fleet.meet(deviceId, { current });
    const said = of(deviceId, i);
    if (said !== undefined) fleet.say(evidenceOf(deviceId, said));
  }
  return fleet;
}

/** Whom a step of a rollout serves. */
function servedBy({ salt, exposures, step, ...rollout }: Rollout): ReadonlySet<string> {
  const name = experimentName(fromHex(salt));
  const exposure = exposures[step] ?? 0;
  return new Set(
    idsOf({ salt, exposures, step, ...rollout }).filter((id) => isExposed(name, id, exposure)),
  );
}

describe('a rollout', () => {
  const look = (rollout: Rollout, fleet: ExampleFleet, at = time) =>
    lookAtRollout(rollout, fleet.fleet, at);

  it('advances from the shadow where the fleet is certainly no worse, and asks for the blocks that showed it', () => {
    const rollout = present(exampleRollout(48));
    const { move, rollout: after } = look(
      rollout,
      fleetOf(rollout, () => ({ shadow: blocks(12, [0, 0]) })),
    );
    assert.equal(move?.verdict.action, 'advance');
    assert.equal(after.step, 0);
    assert.ok(after.minBlocks >= 3);
    assert.match(move.verdict.judgement.reason, /less than 2 more wrong answers per 100 windows/);
  });

  it('is aborted where the fleet is certainly worse', () => {
    const rollout = present(exampleRollout(48));
    const { move } = look(
      rollout,
      fleetOf(rollout, () => ({ shadow: blocks(3, [3, 0]) })),
    );
    assert.equal(move?.verdict.action, 'abort');
    assert.equal(move.rollout.status, 'aborted');
  });

  it('waits while nobody knows who is there, and fixes it after the first report', () => {
    const rollout = exampleRollout(10);
    const fleet = fleetOf(rollout, () => ({ shadow: blocks(60, [0, 0]) }));
    assert.equal(look(rollout, fleet).move, undefined);
    const later = look(withTime(rollout, 1_000), fleet);
    assert.deepEqual(later.rollout.present, idsOf(rollout));
    assert.equal(later.move?.verdict.action, 'advance');
  });

  it('waits for labels where the two differ and nobody says who was right', () => {
    const rollout = present(exampleRollout(48));
    const unlabelled = blocks(12, [0, 0], { unlabelled: 2 });
    const { rollout: after, move } = look(
      rollout,
      fleetOf(rollout, () => ({ shadow: unlabelled })),
    );
    assert.equal(move, undefined);
    assert.match(
      after.look?.reason ?? '',
      /no true label has come from any device: \d+ disagreements/,
    );
  });

  it('is held at its horizon and given up at twice as much, by a clock that nobody sets', () => {
    const rollout = withTime(present(exampleRollout(10)), 60_000);
    const fleet = fleetOf(rollout, () => undefined);
    const threeDays = { ...time, wallMs: 3 * 86_400_000 };
    assert.equal(
      look(withTime(present(exampleRollout(10)), 59_999), fleet, threeDays).move,
      undefined,
    );
    const held = look(rollout, fleet).move;
    assert.equal(held?.verdict.action, 'hold');
    assert.equal(look(withTime(held.rollout, 59_999), fleet).move, undefined);
    assert.equal(look(withTime(held.rollout, 60_000), fleet).move?.verdict.action, 'revert');
  });

  const inStep = (devices: number, step = 0): Rollout =>
    present(exampleRollout(devices, { step, fromPolicy: 5, minBlocks: 3 }));
  const equal = blocks(64, [0, 0]);

  for (const [points, b] of [
    [20, 2],
    [50, 5],
  ] as const) {
    it(`stops a challenger in the first step that is equal in the shadow and loses ${points} points when it serves`, () => {
      const rollout = { ...inStep(48), heard: idsOf(inStep(48)) };
      const served = servedBy(rollout);
      const fleet = fleetOf(
        rollout,
        (id) => ({
          shadow: equal,
          served: served.has(id) ? blocks(14, [b, 0], { served: 1, policy: 5 }) : [],
        }),
        served,
      );
      const { move } = look(rollout, fleet);
      assert.equal(move?.verdict.action, 'abort', move?.verdict.judgement.reason);
    });
  }

  it('counts only blocks of its own in a step: those of an earlier policy carry nobody', () => {
    const rollout = inStep(48);
    const served = servedBy(rollout);
    const old = blocks(40, [0, 0], { served: 1, policy: 4 });
    const fleet = fleetOf(
      rollout,
      (id) => ({ shadow: equal, served: served.has(id) ? old : [] }),
      served,
    );
    assert.equal(look(rollout, fleet).move, undefined);
  });

  it('goes on from a step whose served devices are no worse, and promotes after the last', () => {
    for (const [step, action] of [
      [0, 'advance'],
      [1, 'promote'],
    ] as const) {
      const rollout = inStep(48, step);
      const served = servedBy(rollout);
      const good = blocks(60, [0, 0], { served: 1, policy: 5 });
      const fleet = fleetOf(
        rollout,
        (id) => ({ shadow: equal, served: served.has(id) ? good : [] }),
        served,
      );
      assert.equal(look(rollout, fleet).move?.verdict.action, action);
    }
  });

  it('waits for devices that are served and have not reported since', () => {
    const rollout = inStep(48);
    const served = servedBy(rollout);
    const good = blocks(60, [0, 0], { served: 1, policy: 5 });
    const [mute] = served;
    const fleet = fleetOf(
      rollout,
      (id) => ({
        shadow: equal,
        served: served.has(id) ? good : [],
        ...(id === mute && { service: { serving: true, reports: 0 } }),
      }),
      served,
    );
    const { rollout: after, move } = look(rollout, fleet);
    assert.equal(move, undefined);
    assert.match(
      after.look?.reason ?? '',
      /1 of \d+ devices have not reported since they were served/,
    );
  });

  it('is aborted in the first step where all that it serves fall silent', () => {
    const rollout = { ...inStep(48), heard: idsOf(inStep(48)) };
    const served = servedBy(rollout);
    const fleet = fleetOf(rollout, () => ({ shadow: equal }), served);
    const late = { ...time, monotonicMs: 10_000, askedMs: 5_000 };
    // The others go on reporting.
    for (const id of idsOf(rollout)) {
      if (!served.has(id))
        fleet.say(evidenceOf(id, { shadow: equal, revision: 2 }), { nowMs: 9_500 });
    }
    const { move } = look(rollout, fleet, late);
    assert.equal(move?.verdict.action, 'abort', String(served.size));
    assert.match(move.verdict.judgement.reason, /silent/);
  });

  it('counts failures that speak about the model, over those that were asked, and no others', () => {
    for (const [code, expected] of [
      ['engine-trapped', 'abort'],
      ['self-test-mismatch', 'abort'],
      ['target-mismatch', undefined],
      ['block-invalid', undefined],
      ['key-unknown', undefined],
      ['storage-full', undefined],
    ] as const) {
      const rollout = present(exampleRollout(48));
      const fleet = fleetOf(rollout, () => ({ shadow: blocks(2, [0, 0]) }));
      for (const id of idsOf(rollout).slice(0, 24)) fleet.state(id, { phase: 'rejected', code });
      assert.equal(look(rollout, fleet).move?.verdict.action, expected, code);
    }
  });

  it('does not abort a good release because ten of a thousand gave it up before anybody compared', () => {
    const rollout = present(exampleRollout(1_000));
    const fleet = fleetOf(rollout, () => undefined);
    for (const id of idsOf(rollout).slice(0, 10))
      fleet.state(id, { phase: 'rejected', code: 'engine-trapped' });
    assert.equal(look(rollout, fleet).move, undefined);
  });

  it('believes no single liar of ten, in either direction', () => {
    for (const [liar, others] of [
      [
        [10, 0],
        [0, 0],
      ],
      [
        [0, 10],
        [1, 0],
      ],
    ] as const) {
      const rollout = present(exampleRollout(10));
      const fleet = fleetOf(rollout, (_, i) => ({ shadow: blocks(8, i === 0 ? liar : others) }));
      const action = look(rollout, fleet).move?.verdict.action;
      assert.ok(action === undefined || (others[0] > 0 && action === 'abort'), String(action));
    }
  });

  it('believes no single liar of a hundred about what differs, where nobody tells the truth', () => {
    const begun = exampleRollout(100);
    const terms = { ...begun.plan.terms, evidence: 'health' } as const;
    const rollout = present({ ...begun, plan: { ...begun.plan, terms } });
    const [none, all, half] = [0, 10, 5].map((unlabelled) => blocks(20, [0, 0], { unlabelled }));
    for (const [liar, others, expected] of [
      [all, none, 'advance'],
      [none, half, undefined],
    ] as const) {
      const fleet = fleetOf(rollout, (_, i) => ({ shadow: (i === 0 ? liar : others) ?? [] }));
      assert.equal(look(rollout, fleet).move?.verdict.action, expected);
    }
  });

  it('comes to the same whatever is lost, doubled or reordered of what devices have said', () => {
    const rollout = present(exampleRollout(10));
    const lives: readonly Evidence[] = idsOf(rollout).flatMap((id) =>
      Array.from({ length: 6 }, (_, i) =>
        evidenceOf(id, { shadow: blocks(8 * (i + 1), [0, 0]), revision: i + 1 }),
      ),
    );
    const newest = lives.filter(({ revision }) => revision === 6);
    const expected = look(
      rollout,
      fleetOf(rollout, (_, i) => {
        const { shadow } = newest[i] ?? {};
        return { shadow: shadow?.blocks ?? [], revision: 6 };
      }),
    ).move?.verdict;
    assert.ok(expected !== undefined);
    fc.assert(
      fc.property(fc.shuffledSubarray([...lives, ...lives]), (heard) => {
        const fleet = fleetOf(rollout, () => undefined);
        for (const each of [...heard, ...newest, ...heard]) fleet.say(each);
        const verdict = look(rollout, fleet).move?.verdict;
        assert.deepEqual(verdict?.judgement, expected.judgement);
      }),
      { numRuns: 30 },
    );
  });

  it('takes no evidence of an earlier life of a device again', () => {
    const rollout = present(exampleRollout(3));
    const fleet = fleetOf(rollout, () => ({ shadow: blocks(9, [0, 0]) }));
    const [id = ''] = idsOf(rollout);
    const second = fromHex('bb'.repeat(8));
    fleet.say(evidenceOf(id, { shadow: blocks(1, [0, 0]), life: second }));
    fleet.say(evidenceOf(id, { shadow: blocks(50, [0, 0]), revision: 99 }));
    assert.equal(fleet.fleet.devices.get(id)?.evidence?.shadow.blocks.length, 1);
    // Another controller knows it from what was written down.
    const { rollout: kept } = look(rollout, fleet);
    const next = fleetOf(kept, () => undefined);
    next.say(evidenceOf(id, { shadow: blocks(50, [0, 0]), revision: 99 }));
    assert.equal(next.fleet.devices.get(id)?.evidence, undefined);
  });

  it('refuses and counts evidence that the device has not signed, or that is about something else', () => {
    const rollout = present(exampleRollout(3));
    const fleet = fleetOf(rollout, () => undefined);
    const [a = '', b = ''] = idsOf(rollout);
    fleet.say(evidenceOf(a, { shadow: blocks(3, [0, 0]) }), { as: 'a stranger' });
    fleet.say(evidenceOf(b, { shadow: blocks(3, [0, 0]) }), { as: b, on: a });
    fleet.say(evidenceOf(a, { slot: 'other' }));
    fleet.say(evidenceOf(a, { salt: new Uint8Array(8) }));
    const known = fleet.fleet.devices.get(a);
    assert.equal(known?.evidence, undefined);
    assert.equal(known?.refused, 2);
    const { rollout: after } = look(rollout, fleet);
    assert.deepEqual(after.look?.refused, [{ deviceId: a, code: 'evidence-forged', times: 2 }]);
  });

  it('does not believe a device that names another key than the one that it is known by', () => {
    const rollout = present(exampleRollout(3));
    const fleet = fleetOf(rollout, () => undefined);
    const [id = ''] = idsOf(rollout);
    fleet.meet(id, { key: 'another' });
    fleet.say(evidenceOf(id, { shadow: blocks(3, [0, 0]) }), { as: 'another' });
    const known = fleet.fleet.devices.get(id);
    assert.equal(known?.evidence, undefined);
    assert.equal(known?.refused, 2);
  });

  it('reads evidence that came before its device had named a key', () => {
    const rollout = exampleRollout(1);
    const fleet = new ExampleFleet(rollout);
    fleet.say(evidenceOf('press-0', { shadow: blocks(3, [0, 0]) }));
    assert.equal(fleet.fleet.devices.get('press-0')?.evidence, undefined);
    fleet.meet('press-0');
    assert.equal(fleet.fleet.devices.get('press-0')?.evidence?.shadow.blocks.length, 3);
  });

  it('holds while the owner of a device wants to wait because its input has changed', () => {
    const rollout = present(exampleRollout(48));
    const fleet = fleetOf(rollout, (_, i) => ({
      shadow: blocks(12, [0, 0]),
      drift: i === 7 ? 'hold' : 'none',
    }));
    const { move, rollout: after } = look(rollout, fleet);
    assert.equal(move, undefined);
    assert.match(after.look?.reason ?? '', /the input of 1 device/);
  });

  const bakeMs = 5_000;
  const baking = (change: Partial<Rollout> = {}): Rollout => {
    const rollout = inStep(48, 2);
    return { ...rollout, plan: { ...rollout.plan, bakeMs, holdout: 1_000 }, ...change };
  };
  const served = (b: number) => () => ({
    shadow: equal,
    served: blocks(14, [b, 0], { served: 1, policy: 5 }),
  });

  it('watches a fleet that is served as long as planned, and then promotes, also where evidence is missing', () => {
    const last = inStep(48, 1);
    const before = { ...last, plan: baking().plan };
    const { rollout, move } = look(before, fleetOf(before, served(0), new Set(idsOf(before))));
    assert.equal(move?.verdict.action, 'advance');
    assert.deepEqual([rollout.status, rollout.step], ['running', 2]);
    for (const of of [served(0), () => undefined]) {
      const fleet = fleetOf(baking(), of, new Set(idsOf(before)));
      assert.equal(look(withTime(baking(), bakeMs - 1), fleet).move, undefined);
      const ended = look(withTime(baking(), bakeMs), fleet).move;
      assert.equal(ended?.verdict.action, 'promote');
    }
  });

  it('takes a challenger back that turns out harmful while it is watched', () => {
    const fleet = fleetOf(baking(), served(3), new Set(idsOf(baking())));
    const { move } = look(baking(), fleet);
    assert.equal(move?.verdict.action, 'abort');
    assert.equal(policyOf(move.rollout).champion.sequence, champion.sequence);
  });

  it('counts a device that was enrolled since in the steps after its own, and never in the rounds of the fleet', () => {
    const enrolled = [{ deviceId: 'newcomer', stratum: undefined }];
    const rollout = withEnrolled(present(exampleRollout(48)), enrolled);
    assert.deepEqual(rollout.enrolled, enrolled);
    assert.equal(withEnrolled(rollout, [...rollout.roster, ...enrolled]), rollout);
    const fleet = fleetOf(rollout, () => ({ shadow: blocks(12, [0, 0]) }));
    fleet.meet('newcomer');
    fleet.say(evidenceOf('newcomer', { shadow: blocks(12, [9, 0]) }));
    const { move } = look(rollout, fleet);
    const said = move?.verdict.evidence.devices.find(({ id }) => id === 'newcomer');
    assert.deepEqual([said?.present, said?.joined], [false, true]);
    assert.equal(move?.verdict.action, 'advance');
    assert.deepEqual(move.rollout.joined, ['newcomer']);
    const last = { ...move.rollout, step: 1, fromPolicy: 5 };
    const bad = blocks(30, [9, 0], { served: 1, policy: 5 });
    fleet.say(evidenceOf('newcomer', { shadow: blocks(12, [9, 0]), served: bad, revision: 2 }));
    const next = lookAtRollout(last, fleet.fleet, time).rollout;
    assert.deepEqual(
      next.named.map(({ id }) => id),
      ['newcomer'],
    );
    assert.equal(next.look?.served, 49);
  });

  it('does what a person wants, and writes down who wanted it', () => {
    const rollout = present(exampleRollout(3));
    const fleet = fleetOf(rollout, () => undefined);
    for (const [action, status] of [
      ['abort', 'aborted'],
      ['promote', 'promoted'],
    ] as const) {
      const move = overrule(rollout, fleet.fleet, action, time);
      assert.equal(move.rollout.status, status);
      assert.deepEqual([move.verdict.action, move.verdict.inputs.by], [action, 'operator']);
    }
  });

  it('stands still while it is paused, begins no step by going on, and gets its time anew after a hold', () => {
    const rollout = withTime(present(exampleRollout(3)), 500);
    const paused = withRequest(rollout, 'pause');
    assert.equal(paused.status, 'paused');
    assert.equal(withTime(paused, 1_000).elapsedMs, 500);
    const resumed = withRequest(paused, 'resume');
    assert.deepEqual([resumed.status, resumed.step, resumed.elapsedMs], ['running', -1, 500]);
    const held = withRequest({ ...rollout, status: 'held' }, 'resume');
    assert.deepEqual([held.status, held.elapsedMs], ['running', 0]);
  });
});

describe('the policy of a rollout', () => {
  it('lets everyone compare in the shadow', () => {
    const { arms, evidence, champion: serves } = policyOf(exampleRollout(48));
    assert.equal(serves.sequence, champion.sequence);
    assert.deepEqual(
      arms.map(({ name, release }) => [name, release.sequence]),
      [['shadow', 20]],
    );
    assert.deepEqual(evidence, {
      devices: 48,
      alphaPermille: 50,
      deviceMarginPermille: 50,
      blockWindows: 10,
    });
  });

  it('gives everyone but the held-out share the challenger while it is watched, with a way back and the comparison', () => {
    const { plan: of } = exampleRollout(48);
    const plan = { ...of, bakeMs: 5_000, holdout: 1_000 };
    const policy = policyOf(exampleRollout(48, { plan, step: 2, minBlocks: 4 }));
    const { champion: serves, promoted, fallback, arms } = policy;
    assert.deepEqual([serves.sequence, promoted], [20, undefined]);
    assert.deepEqual([fallback?.release.sequence, fallback?.holdout], [10, 1_000]);
    assert.deepEqual(
      arms.map(({ name, release }) => [name, release.sequence]),
      [
        ['shadow', 20],
        ['back', 10],
      ],
    );
  });

  it('lets those that it serves compare with the champion, and asks for closed blocks', () => {
    const rollout = exampleRollout(48, { step: 0, minBlocks: 4 });
    const { arms } = policyOf(rollout);
    assert.deepEqual(
      arms.map(({ name, release, exposure, minBlocks }) => [
        name,
        release.sequence,
        exposure,
        minBlocks,
      ]),
      [
        ['ramp', 20, rollout.exposures[0], 4],
        ['shadow', 20, 10_000, undefined],
        ['back', 10, 10_000, undefined],
      ],
    );
  });

  it('names what devices run that stay aside, where it promotes', () => {
    const {
      promoted,
      fallback,
      arms,
      champion: serves,
    } = policyOf(exampleRollout(48, { status: 'promoted', minBlocks: 4 }));
    assert.deepEqual([serves.sequence, promoted, arms.length], [20, 20, 0]);
    assert.deepEqual(
      [fallback?.release.sequence, fallback?.minBlocks, fallback?.holdout],
      [10, 4, 0],
    );
  });

  it('gives everyone the champion where it is aborted', () => {
    const {
      champion: serves,
      arms,
      promoted,
      fallback,
    } = policyOf(exampleRollout(48, { status: 'aborted' }));
    assert.deepEqual([serves.sequence, arms, promoted, fallback], [10, [], undefined, undefined]);
  });
});
