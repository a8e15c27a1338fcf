import assert from 'node:assert/strict';
import { decodeDecisions } from '../../agent/core/log/decision-log.js';
import { assertEveryWindowAnswered } from './answers.js';
import { settle } from './settle.js';
import { World } from './world.js';
import { slot } from './world-slot.js';

describe('A device under a flood of bad documents', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.create();
  });
  afterEach(() => {
    world.end();
  });

  for (const [name, topicOf] of [
    ['policies', () => world.topics.policy(slot)],
    ['beacons', () => world.topics.beacon()],
  ] as const) {
    it(`answers, says little, keeps its decisions and spares its flash, with ${name}`, async () => {
      let writes = 0;
      const device = world.startDevice({
        beforeOperation: (_, what) => {
          if (what.startsWith('write log/decisions')) writes++;
          return 'go';
        },
      });
      await settle(world, device, await world.workshop.build('vibration-v1', 1));
      const eventsBefore = device.events.length;
      writes = 0;
      for (let second = 0; second < 100; second++) {
        for (let i = 0; i < 20; i++) {
          const payload = Uint8Array.of(0xa0 ^ (i & 15), second, i);
          world.broker.publish({ topic: topicOf(), payload, retained: false });
        }
        await world.time.advance(1_000);
      }
      assertEveryWindowAnswered(device);
      const events = device.events.slice(eventsBefore);
      assert.ok(events.length > 0 && events.length < 30, `${events.length} events`);
      assert.ok(writes > 0 && writes <= 20, `${writes} writes of the log`);
      const bytes = device.disk.files.get('log/decisions') ?? new Uint8Array();
      assert.ok(decodeDecisions(bytes).some(({ event }) => event === 'committed'));
      // What is published after the flood is heard as ever.
      await world.publish(await world.workshop.build('vibration-v2', 2));
      await world.time.advance(15_000);
      assert.equal(device.state.current, 2, device.story.join('\n'));
    });
  }

  it('hears of a policy that came in the middle of the flood', async () => {
    const device = world.startDevice();
    await settle(world, device, await world.workshop.build('vibration-v1', 1));
    const second = await world.workshop.build('vibration-v2', 2);
    world.onMessage = ({ topic, retained }) => {
      if (topic !== world.topics.policy(slot) || !retained) return;
      for (let i = 0; i < 500; i++) {
        world.broker.publish({ topic, payload: Uint8Array.of(1, i & 255), retained: false });
      }
    };
    for (let i = 0; i < 500; i++) {
      const payload = Uint8Array.of(2, i & 255);
      world.broker.publish({ topic: world.topics.policy(slot), payload, retained: false });
    }
    await world.publish(second);
    await world.time.advance(15_000);
    assert.equal(device.state.current, 2, device.story.join('\n'));
  });
});
