import assert from 'node:assert/strict';
import { lookAtRollout } from '../../../operator/rollout/controller.js';
import { surenessHold } from '../../../operator/rollout/champion-sureness.js';
import { encode, releaseReport, report } from '../fleet/device-words.js';
import { blocks, champion, evidenceOf, ExampleFleet, exampleRollout } from './example-rollout.js';

const reference = { windows: 1_000, score: 0.95 };
const sure = { windows: 100, score: 0.9 };
const unsure = { windows: 100, score: 0.6 };

describe('The sureness of a champion', () => {
  for (const [what, devices, holds] of [
    ['is what it was on the reference data', [sure, sure, sure], false],
    ['is lower on half of the devices', [sure, unsure], false],
    ['is much lower on most devices', [sure, unsure, unsure], true],
    ['is lower where few windows were answered', [sure, { ...unsure, windows: 39 }], false],
    ['is known of nobody', [], false],
  ] as const) {
    it(`${holds ? 'holds' : 'does not hold'} where it ${what}`, () => {
      assert.equal(surenessHold(reference, devices, 'release 10').length, holds ? 1 : 0);
    });
  }

  it('holds nothing where the release carries no reference', () => {
    assert.deepEqual(surenessHold(undefined, [unsure], 'release 10'), []);
  });

  it('holds a rollout that would be safe, and says what is wrong, as devices report it', () => {
    const rollout = {
      ...exampleRollout(10, { reference }),
      present: exampleRollout(10).roster.map(({ deviceId }) => deviceId),
    };
    const fleet = new ExampleFleet(rollout);
    for (const { deviceId } of rollout.roster) {
      fleet.meet(deviceId);
      fleet.say(evidenceOf(deviceId, { shadow: blocks(60, [0, 0]) }));
      const served = releaseReport({
        release: champion.sequence,
        windows: 50,
        confidence: [0, 0, 0, 0, 0, 50, 0, 0, 0, 0],
      });
      const payload = encode(report({ slot: 'vibration', releases: [served] }));
      fleet.fleet.take(deviceId, { channel: 'report', payload }, true, 0);
    }
    const time = { wallMs: 5, monotonicMs: 2_000, askedMs: 0 };
    const { move, rollout: after } = lookAtRollout(rollout, fleet.fleet, time);
    assert.equal(move, undefined);
    assert.match(after.look?.reason ?? '', /release 10 itself looks wrong on 10 of 10 devices/);
  });
});
