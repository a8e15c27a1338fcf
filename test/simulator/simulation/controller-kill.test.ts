import assert from 'node:assert/strict';
import type { Outcome } from '../../../simulator/simulation/outcome.js';
import { halfWrongFleet, runText } from './scenario-runner.js';

const rollout = (fault: string): string => `${halfWrongFleet('1 h')}
  - {at: 1 min, fault: {controller-kill: ${fault}}}
  - {at: 2 min, rollout: good, as: r, over: 2 min, step-soak: 20 s}
expect: [rollout(r).ends = promoted, "share(devices, release = good) = 100 %", windows.lost = 0]
`;

/** Runs it, with how often the controller was killed and came back. */
async function kills(fault: string): Promise<{ outcome: Outcome; killed: number; back: number }> {
  let [killed, back] = [0, 0];
  const outcome = await runText(rollout(fault), undefined, {
    writeTrace: (line) => {
      killed += Number(line.includes('"did":"controller-killed"'));
      back += Number(line.includes('"did":"controller-back"'));
    },
  });
  return { outcome, killed, back };
}

describe('a controller in a scenario', () => {
  it('that is killed at its third write comes to the same end in its next life', async () => {
    const { outcome, killed, back } = await kills('write 3');
    assert.equal(outcome.exit, 0, outcome.reason);
    assert.deepEqual([killed, back], [1, 1]);
  });

  it('that is killed takes a publication with it, which is given again', async () => {
    const { exit, reason } = await runText(
      rollout('now')
        .replace('at: 1 min, fault', 'at: 100 ms, fault')
        .replace(/ {2}- .at: 2 min, rollout.*\n/, '')
        .replace(/expect.*/, 'expect: ["share(devices, release = bad) = 100 %"]')
        .replace('1 h', '2 min'),
    );
    assert.equal(exit, 0, reason);
  });

  it('that is killed at each of its writes, one a life, comes to the same end, the same each time', async () => {
    const { outcome, killed, back } = await kills('every write, for: 30 min');
    assert.equal(outcome.exit, 0, outcome.reason);
    assert.ok(killed > 20, String(killed));
    assert.equal(back, killed);
    assert.equal((await kills('every write, for: 30 min')).outcome.hash, outcome.hash);
  });
});
