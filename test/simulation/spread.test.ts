import assert from 'node:assert/strict';
import { spreadShare } from '../../protocol/assignment/spread.js';
import { World } from './world.js';

const minuteMs = 60_000;

describe('A fleet that reports once a minute', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.create();
  });
  afterEach(() => {
    world.end();
  });

  it('is spread over the minute, each device at its own second, and each sends its last when it stops', async () => {
    const ids = Array.from({ length: 40 }, (_, i) => `press-${i}`);
    const first = await world.workshop.build('vibration-v1', 1);
    await world.publish(first);
    /** When each of them sent something, in milliseconds of the clock. */
    const sent = new Map<string, number[]>(ids.map((id) => [id, []]));
    world.onMessage = ({ topic }) => {
      const about = world.topics.parseDevice(topic);
      if (about?.channel === 'report') sent.get(about.deviceId)?.push(world.time.monotonicMs());
    };
    const devices = ids.map((deviceId) =>
      world.startDevice({ deviceId, telemetryShare: spreadShare(deviceId) }),
    );
    const startMs = world.time.monotonicMs();
    await world.time.advance(4 * minuteMs);
    const seconds = new Set<number>();
    for (const [id, times] of sent) {
      const offsets = times.map((at) => (at - startMs) % minuteMs);
      assert.ok(times.length >= 3, `${id} sent ${times.length}`);
      for (const offset of offsets) {
        assert.ok(Math.abs(offset - spreadShare(id) * minuteMs) < 1, `${id} at ${offset}`);
      }
      seconds.add(Math.floor((offsets[0] ?? 0) / 1_000));
    }
    assert.ok(seconds.size > 20, `${seconds.size} seconds`);
    for (const device of devices) {
      const before = sent.get(device.deviceId)?.length ?? 0;
      await device.stop();
      assert.equal(sent.get(device.deviceId)?.length, before + 1);
      assert.equal(device.totals[0]?.releases[0]?.windows, device.results.length);
    }
  });
});
