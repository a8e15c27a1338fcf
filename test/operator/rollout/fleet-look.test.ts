import assert from 'node:assert/strict';
import { experimentName, isExposed } from '../../../protocol/assignment/bucket.js';
import { fromHex } from '../../../protocol/bytes.js';
import { lookAtFleet } from '../../../operator/rollout/fleet-look.js';
import { heardOfLate, thereOf } from '../../../operator/rollout/membership.js';
import type { Rollout } from '../../../operator/rollout/rollout.js';
import { blocks, challenger, evidenceOf, ExampleFleet, exampleRollout } from './example-rollout.js';

const soon = { monotonicMs: 1_000, askedMs: 0, isEdge: false };

function inStep(devices: number, change: Partial<Rollout> = {}): Rollout {
  const ids = exampleRollout(devices).roster.map(({ deviceId }) => deviceId);
  const of = { step: 0, fromPolicy: 5, minBlocks: 3, present: ids, heard: ids, elapsedMs: 1_000 };
  return exampleRollout(devices, { ...of, ...change });
}

function idsOf({ roster }: Rollout): readonly string[] {
  return roster.map(({ deviceId }) => deviceId);
}

function exposedIds(rollout: Rollout): readonly string[] {
  const name = experimentName(fromHex(rollout.salt));
  const exposure = rollout.exposures[rollout.step] ?? 0;
  return idsOf(rollout).filter((deviceId) => isExposed(name, deviceId, exposure));
}

/** Everybody has said at this time that it has closed so many blocks. */
function fleetOf(rollout: Rollout, count: (i: number) => number = () => 9): ExampleFleet {
  const fleet = new ExampleFleet(rollout);
  for (const [i, id] of idsOf(rollout).entries()) {
    fleet.meet(id);
    fleet.say(evidenceOf(id, { shadow: blocks(count(i), [0, 0]) }));
  }
  return fleet;
}

describe('a look at a fleet', () => {
  it('names whom the lots of the step give the challenger, without those that have compared too little', () => {
    const rollout = inStep(48);
    const [first, ...others] = exposedIds(rollout);
    assert.ok(others.length >= 2);
    const fleet = fleetOf(rollout, (i) => (idsOf(rollout)[i] === first ? 2 : 9));
    const { evidence, served } = lookAtFleet(rollout, fleet.fleet, soon);
    assert.deepEqual(evidence.step?.served, others);
    assert.equal(served, others.length);
  });

  it('serves nobody who was not there when the rollout began', () => {
    const all = inStep(48);
    const [first, ...others] = exposedIds(all);
    const rollout = { ...all, present: idsOf(all).filter((id) => id !== first) };
    const { evidence } = lookAtFleet(rollout, fleetOf(rollout).fleet, soon);
    assert.deepEqual(evidence.step?.served, others);
    assert.equal(evidence.devices.find(({ id }) => id === first)?.present, false);
  });

  it('has no step in the shadow, and the lots of the arms only where a step would end', () => {
    const shadow = inStep(48, { step: -1 });
    assert.equal(lookAtFleet(shadow, fleetOf(shadow).fleet, soon).evidence.step, undefined);
    const rollout = inStep(48);
    const fleet = fleetOf(rollout);
    assert.equal(lookAtFleet(rollout, fleet.fleet, soon).evidence.step?.arms, undefined);
    const { step } = lookAtFleet(rollout, fleet.fleet, { ...soon, isEdge: true }).evidence;
    assert.deepEqual(
      step?.arms?.map(({ arm, devices, of }) => [arm, devices, of]),
      [
        ['ramp', exposedIds(rollout).length, 48],
        ['ramp, of those that report', exposedIds(rollout).length, exposedIds(rollout).length],
      ],
    );
  });

  it('calls silent who was heard before it was asked, and not for three reports and the time of a trial since', () => {
    const rollout = inStep(3);
    const fleet = fleetOf(rollout);
    const patienceMs = 3 * rollout.plan.reportMs + rollout.plan.trial.soakMs;
    const silentAt = (monotonicMs: number, of = rollout): readonly string[] =>
      lookAtFleet(of, fleet.fleet, { monotonicMs, askedMs: 500, isEdge: false })
        .evidence.devices.filter(({ silent }) => silent === true)
        .map(({ id }) => id);
    assert.deepEqual(silentAt(500 + patienceMs), []);
    assert.deepEqual(silentAt(501 + patienceMs), ['press-0', 'press-1', 'press-2']);
    // Who was not heard before says nothing by its silence.
    assert.deepEqual(silentAt(501 + patienceMs, { ...rollout, heard: ['press-1'] }), ['press-1']);
    fleet.say(evidenceOf('press-0', { revision: 2 }), { nowMs: 600 });
    assert.deepEqual(silentAt(501 + patienceMs), ['press-1', 'press-2']);
  });

  it('takes nothing for a sign of life that the broker kept', () => {
    const rollout = inStep(1);
    const fleet = new ExampleFleet(rollout);
    const presence = { online: true, boot: 1, connection: 1 };
    fleet.fleet.take('press-0', { channel: 'presence', message: presence }, true, 9);
    assert.deepEqual(heardOfLate(rollout, fleet.fleet, 10), []);
    assert.deepEqual(thereOf(rollout.roster, fleet.fleet), ['press-0']);
    fleet.say(evidenceOf('press-0'), { nowMs: 9 });
    assert.deepEqual(heardOfLate(rollout, fleet.fleet, 10), ['press-0']);
    assert.deepEqual(heardOfLate(rollout, fleet.fleet, 10 + 3 * rollout.plan.reportMs), []);
  });

  it('says what a step still waits for', () => {
    const { plan } = inStep(3);
    const rollout = inStep(3, { plan: { ...plan, stepSoakMs: 5_000 } });
    const fleet = fleetOf(rollout);
    fleet.state('press-1', { current: challenger.sequence });
    const { evidence, arrived } = lookAtFleet(rollout, fleet.fleet, soon);
    assert.equal(arrived, 1);
    assert.equal(evidence.unmet.length, 2);
    assert.match(evidence.unmet[0] ?? '', /the step is not over yet/);
    assert.match(evidence.unmet[1] ?? '', /reported since/);
  });

  it('gives the judge strata, what was kept of each device, and the terms of this fleet', () => {
    const plain = inStep(3);
    const rollout: Rollout = {
      ...plain,
      roster: plain.roster.map(({ deviceId }, i) => ({ deviceId, stratum: `hall-${i}` })),
      left: [{ id: 'press-0', round: 4 }],
      leftStep: [{ id: 'press-1', round: 2 }],
      named: [{ id: 'press-2', block: 17, loss: 0.2 }],
    };
    const { evidence, sources } = lookAtFleet(rollout, fleetOf(rollout).fleet, soon);
    assert.deepEqual(
      evidence.devices.map(({ stratum, left, leftStep, named }) => [
        stratum,
        left,
        leftStep,
        named,
      ]),
      [
        ['hall-0', 4, undefined, undefined],
        ['hall-1', undefined, 2, undefined],
        ['hall-2', undefined, undefined, 17],
      ],
    );
    assert.deepEqual([evidence.terms.devices, evidence.terms.steps], [3, rollout.exposures.length]);
    assert.deepEqual(sources[0], { id: 'press-0', life: 'aa'.repeat(8), revision: 1 });
  });
});
