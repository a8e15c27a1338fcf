import assert from 'node:assert/strict';
import { statusLines } from '../../bin/rollout-text.js';
import {
  challenger,
  compared,
  exampleRollout,
  isIn,
  withEvidence,
} from '../operator/rollout/example-rollout.js';

describe('what is said of a rollout', () => {
  it('are the devices of the comparison, while nobody is served', () => {
    const rollout = withEvidence(exampleRollout(4), (_, i) =>
      i === 0
        ? undefined
        : compared(i === 1 ? 30 : 0, {
            punctuality: {
              champion: { windows: 40, late: 0 },
              challenger: { windows: 50, late: i === 2 ? 10 : 0 },
            },
          }),
    );
    const [title, devices] = statusLines(rollout, 1_000);
    assert.equal(title, 'vibration: release 20 in the shadow; champion 10');
    assert.equal(
      devices,
      '  devices  3 of 4 compared, 1 harmed, 1 late, 0 gave it up, 3 of 4 arrived',
    );
  });

  it('are those that answer late too, while some are served and others are not', () => {
    const rollout = exampleRollout(48, { step: 0 });
    const served = rollout.roster.filter((deviceId) => isIn(rollout, deviceId, 0));
    const [late] = served;
    const [title, devices] = statusLines(
      withEvidence(rollout, (deviceId) =>
        compared(0, {
          current: served.includes(deviceId) ? challenger.sequence : undefined,
          late: deviceId === late ? { step: 0, boot: 1, window: 9 } : undefined,
        }),
      ),
      1_000,
    );
    assert.equal(title, 'vibration: release 20 serves 25 % of the fleet; champion 10');
    const n = served.length;
    assert.equal(
      devices,
      `  devices  48 of 48 compared, 0 harmed, 0 late, 0 gave it up, ${n} of ${n} arrived, late answers on 1 of them and 0 others`,
    );
  });
});
