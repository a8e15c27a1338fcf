import assert from 'node:assert/strict';
import fc from 'fast-check';
import { mutationsOf } from '../helpers/mutation.js';
import { slot } from './world-slot.js';
import { World } from './world.js';

describe('A device on a broker to which somebody else writes', () => {
  it('answers on, whatever comes on its topics, and is fit for the next release', async () => {
    const world = await World.create();
    try {
      const device = world.startDevice();
      const first = await world.release('vibration-v1', 1);
      await world.time.advance(5_000);
      const topics = [
        world.topics.policy(slot),
        world.topics.beacon(),
        world.topics.manifest(slot, 1),
        world.topics.manifest(slot, 2),
        world.topics.presence(device.deviceId),
        world.blockTopic(first, 0),
      ];
      const documents = topics.flatMap((topic) => world.broker.retained.get(topic) ?? []);
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...topics),
          fc.oneof(
            mutationsOf(documents),
            fc.uint8Array({ maxLength: 50 }),
            fc.constantFrom(...documents),
          ),
          fc.boolean(),
          async (topic, payload, retained) => {
            world.broker.publish({ topic, payload, retained });
            await world.time.advance(100);
            assert.equal(device.failure, undefined);
            assert.equal(device.record?.current?.sequence, 1);
          },
        ),
        { numRuns: 300 },
      );
      // Every reason fits a packet with room to spare.
      const longest = Math.max(
        ...world.messages
          .filter(({ topic }) => topic.endsWith('/events'))
          .map(({ payload }) => payload.length),
      );
      assert.ok(longest < 4_096, `an event of ${longest} bytes`);
      await world.release('vibration-v2', 2);
      await world.time.advance(60_000);
      assert.equal(device.state.current, 2, device.story.slice(-10).join('\n'));
      assert.equal(device.results.length, device.bursts);
      assert.equal(device.engine.loaded.size, 1);
    } finally {
      world.end();
    }
  });
});
