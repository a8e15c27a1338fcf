import assert from 'node:assert/strict';
import { parsePresence, type PresenceMessage } from '../../protocol/messages/presence.js';
import { World } from './world.js';

describe('The presence of a device', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.create();
  });
  afterEach(() => {
    world.end();
  });

  const retained = (): PresenceMessage | undefined => {
    const payload = world.broker.retained.get(world.topics.presence('press-7'));
    return payload && parsePresence(payload);
  };

  it('is online while it has a session, and offline after a goodbye', async () => {
    const device = world.startDevice();
    await world.time.advance(1_000);
    assert.deepEqual(retained(), { online: true, boot: 1, connection: 1 });
    await device.stop();
    assert.deepEqual(retained(), { online: false, boot: 1, connection: 1 });
  });

  it('is set offline by its will where it loses its power', async () => {
    const device = world.startDevice();
    await world.time.advance(1_000);
    device.losePower();
    assert.deepEqual(retained(), { online: false, boot: 1, connection: 1 });
    world.startDevice({ disk: device.disk });
    await world.time.advance(1_000);
    assert.deepEqual(retained(), { online: true, boot: 2, connection: 1 });
  });

  it('is put right where an older will arrives after the newer session began', async () => {
    world.startDevice();
    await world.time.advance(1_000);
    const will = { topic: world.topics.presence('press-7'), retained: true };
    world.broker.cutSessions();
    await world.time.advance(2_000);
    assert.deepEqual(retained(), { online: true, boot: 1, connection: 2 });
    const late = new TextEncoder().encode('{"boot":1,"online":false,"connection":1}');
    world.broker.publish({ ...will, payload: late });
    await world.time.advance(1_000);
    assert.deepEqual(retained(), { online: true, boot: 1, connection: 2 });
  });

  it('does not argue with the will of its own session', async () => {
    world.startDevice();
    await world.time.advance(1_000);
    const said = world.heard('presence').length;
    world.broker.publish({
      topic: world.topics.presence('press-7'),
      retained: true,
      payload: new TextEncoder().encode('{"online":false,"boot":1,"connection":1}'),
    });
    await world.time.advance(1_000);
    assert.equal(
      world.messages.filter(({ topic }) => topic.endsWith('/presence')).length,
      said + 1,
    );
  });

  it('is put right once a second, and in the end, where older wills come again and again', async () => {
    world.startDevice({ deviceId: 'press-7' });
    await world.time.advance(1_000);
    world.broker.cutSessions();
    await world.time.advance(5_000);
    const topic = world.topics.presence('press-7');
    const payload = new TextEncoder().encode('{"boot":1,"online":false,"connection":1}');
    const from = world.messages.length;
    const seconds = 10;
    for (let i = 0; i < 100 * seconds; i++) {
      world.broker.publish({ topic, retained: true, payload });
      await world.time.advance(10);
    }
    await world.time.advance(2_000);
    const said = world.messages.slice(from).filter((message) => message.topic === topic);
    const corrections = said.length - 100 * seconds;
    assert.ok(corrections >= 2 && corrections <= seconds + 2, `${corrections} corrections`);
    assert.deepEqual(retained(), { online: true, boot: 1, connection: 2 });
  });
});
