import assert from 'node:assert/strict';
import { slot } from './world-slot.js';
import { World } from './world.js';

describe('What a device says about its link to the broker', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.create();
  });
  afterEach(() => {
    world.end();
  });

  /** The last value of a measurement. */
  const measured = (name: string): unknown => {
    const pack = world.heard('telemetry').at(-1) as readonly Readonly<Record<number, unknown>>[];
    // Labels of SenML in CBOR (RFC 8428, table 4): 0 is the name, 2 the value.
    const record = pack.find((each) => each[0] === name || String(each[0]).endsWith(`/${name}`));
    return record?.[2];
  };

  it('tells a topic that the broker refuses once, then once a minute, and counts', async () => {
    const device = world.startDevice();
    await world.release('vibration-v1', 1);
    await world.time.advance(5_000);
    const results = world.topics.results(device.deviceId, slot);
    world.broker.forbidden.add(results);
    await world.time.advance(59_000);
    const told = device.events.filter(({ event }) => event === 'publication-refused');
    assert.deepEqual(
      told.map(({ code }) => code),
      ['publish-refused'],
    );
    assert.ok(told[0]?.reason?.startsWith(results));
    await world.time.advance(180_000);
    const all = device.events.filter(({ event }) => event === 'publication-refused');
    assert.ok(all.length >= 3 && all.length <= 5, String(all.length));
    assert.ok((all[1]?.count ?? 0) > 1);
    assert.ok(Number(measured('messages-refused')) > all.length);
  });

  it('tells in the log alone that its events are refused', async () => {
    const device = world.startDevice();
    await world.time.advance(1_000);
    world.broker.forbidden.add(world.topics.events(device.deviceId));
    for (let i = 0; i < 20; i++) {
      world.broker.publish({
        topic: world.topics.policy(slot),
        payload: Uint8Array.of(i),
        retained: false,
      });
      await world.time.advance(1_000);
    }
    assert.equal(device.logged.filter((event) => event === 'publication-refused').length, 1);
    assert.equal(device.events.length, 0);
  });

  it('tells a topic with a message that is too large once, and counts them', async () => {
    const device = world.startDevice();
    await world.time.advance(1_000);
    const topic = world.topics.policy(slot);
    for (let i = 0; i < 10; i++) {
      world.broker.publish({ topic, payload: new Uint8Array(200_000 + i), retained: false });
      await world.time.advance(10_000);
    }
    const told = device.events.filter(({ event }) => event === 'message-too-large');
    assert.equal(told.length, 1);
    assert.equal(told[0]?.code, 'message-too-large');
    assert.ok(told[0].reason?.startsWith(`${topic}: 200000 bytes`));
    await world.time.advance(60_000);
    assert.equal(measured('messages-too-large'), 10);
  });

  it('says once a minute at most that the broker is away, and then that it is there again', async () => {
    const device = world.startDevice();
    await world.time.advance(1_000);
    assert.deepEqual(of(device.logged), ['connected']);
    world.broker.stop();
    // An attempt every second.
    await world.time.advance(150_000);
    world.broker.start();
    await world.time.advance(2_000);
    assert.deepEqual(of(device.logged), [
      'connected',
      // The end of the session, then attempts.
      ...Array<string>(4).fill('disconnected'),
      'connected',
    ]);
  });
});

function of(logged: readonly string[]): readonly string[] {
  return logged.filter((event) => /connected$/.test(event));
}
