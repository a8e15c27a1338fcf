import assert from 'node:assert/strict';
import { lookAtRollout } from '../../operator/rollout/controller.js';
import { statusLines } from '../../bin/rollout-text.js';
import {
  blocks,
  evidenceOf,
  ExampleFleet,
  exampleRollout,
} from '../operator/rollout/example-rollout.js';

describe('what is said of a rollout', () => {
  it('is who compares, what is waited for, who is worse, who gave up, and whose evidence is not believed', () => {
    const rollout = exampleRollout(12);
    const ids = rollout.roster.map(({ deviceId }) => deviceId);
    const fleet = new ExampleFleet(rollout);
    for (const [i, id] of ids.entries()) {
      fleet.meet(id);
      const shadow = i === 0 ? blocks(30, [5, 0]) : blocks(6, [0, 0], { unlabelled: 1 });
      if (i < 10) fleet.say(evidenceOf(id, { shadow }));
    }
    fleet.say(evidenceOf('press-11', {}), { as: 'a stranger' });
    fleet.state('press-10', { phase: 'rejected', code: 'engine-trapped' });
    const label = { t: 0, event: 'label-refused', slot: 'vibration', release: undefined };
    const why = { code: 'label-class-unknown', reason: '"Normal" is no class', remedy: undefined };
    fleet.fleet.take('press-3', { channel: 'events', message: { ...label, ...why } }, true, 0);
    const time = { wallMs: 0, monotonicMs: 0, askedMs: 0 };
    const looked = lookAtRollout({ ...rollout, present: ids }, fleet.fleet, time);
    const lines = statusLines(looked.rollout);
    assert.equal(lines[0], 'vibration: release 20 in the shadow; champion 10');
    assert.match(
      lines[1] ?? '',
      /^ {2}devices {2}10 of 12 compare, \d+ rounds, 204 disagreements, 54 without a label$/,
    );
    assert.match(lines[2] ?? '', /^ {2}now {6}/);
    assert.ok(
      lines.some((line) => line.startsWith('  worse    press-0, about 50 more')),
      lines.join('\n'),
    );
    assert.ok(lines.includes('  gave up  press-10: engine-trapped'));
    assert.ok(
      lines.includes('  label    not used by press-3: label-class-unknown: "Normal" is no class'),
    );
    assert.ok(lines.includes('  refused  evidence of press-11, 1 times: evidence-forged'));
  });

  it('is that nobody has looked, before anybody has', () => {
    assert.deepEqual(statusLines(exampleRollout(3)), [
      'vibration: release 20 in the shadow; champion 10',
      '  now      nobody has looked yet',
    ]);
  });
});
