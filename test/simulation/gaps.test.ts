import assert from 'node:assert/strict';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { settle } from './settle.js';
import type { WorldDevice, WorldDeviceOptions } from './world-device.js';
import { World } from './world.js';

const minuteMs = 60_000;

/** Half a window each second, so that one is half done in every other pause. */
const halves = { windows: 1 / 2, everyMs: 1_000 };

describe('A source that is not always there', () => {
  let world: World;
  let first: ReleaseFile;

  const settled = (options: WorldDeviceOptions): Promise<WorldDevice> =>
    settle(world, world.startDevice(options), first);

  const silence = async (device: WorldDevice, ms: number): Promise<void> => {
    device.silent = true;
    await world.time.advance(ms);
    device.silent = false;
  };

  const storyOf = (device: WorldDevice): readonly string[] =>
    device.story.filter((line) => line.startsWith('source-'));

  beforeEach(async () => {
    world = await World.create();
    first = await world.workshop.build('vibration-v1', 1);
  });
  afterEach(() => {
    world.end();
  });

  it('makes no window from before and after a silence that is longer than its gap', async () => {
    const device = await settled({ burst: halves, source: { gapMs: 3_000 } });
    // As long as something waits for its second half: then silence.
    const halfDone = device.bursts % 2 === 1 ? 0 : 1_000;
    await world.time.advance(halfDone);
    await silence(device, 10_000);
    const before = device.results.length;
    await world.time.advance(1_000);
    assert.equal(device.results.length, before, 'half a window is no window');
    await world.time.advance(1_000);
    assert.equal(device.results.length, before + 1);
    await world.time.advance(minuteMs);
    assert.equal(device.counted('gaps'), 1);
    assert.deepEqual(storyOf(device), ['source-gap source-gap']);
  });

  it('makes no window from before and after a lost session, whatever its gap', async () => {
    const device = await settled({ burst: halves, source: { topic: 'sensors/press-7/accel' } });
    await world.time.advance(device.bursts % 2 === 1 ? 0 : 1_000);
    const before = device.results.length;
    world.broker.cutSessions();
    await silence(device, 3_000);
    assert.deepEqual(storyOf(device), ['source-gap source-gap']);
    await world.time.advance(1_000);
    assert.equal(device.results.length, before, 'half a window is no window');
    await world.time.advance(1_000);
    assert.equal(device.results.length, before + 1);
  });

  it('makes a window of samples whose distance is that of the gap, or whose source has none', async () => {
    for (const [deviceId, source] of [
      ['press-1', { gapMs: 6_000 }],
      ['press-2', {}],
    ] as const) {
      const device = await settled({ deviceId, burst: halves, source });
      const windows = device.results.length;
      for (let i = 0; i < 4; i++) {
        await world.time.advance(1_000);
        await silence(device, 5_000);
      }
      await world.time.advance(1_000);
      assert.ok(device.results.length >= windows + 2);
      assert.deepEqual(storyOf(device), []);
    }
  });

  it('goes on at once after a gap where a message holds whole windows', async () => {
    const device = await settled({ source: { gapMs: 3_000 } });
    await silence(device, 30_000);
    const before = device.results.length;
    await world.time.advance(1_000);
    assert.equal(device.results.length, before + 1);
    assert.equal(device.counted('gaps'), 0);
  });

  it('is told once when it falls silent, with its topic, and once when it speaks again', async () => {
    const topic = 'sensors/press-7/accel';
    const device = await settled({ source: { topic, silentAfterMs: minuteMs } });
    await silence(device, minuteMs - 2_000);
    await world.time.advance(2_000);
    assert.deepEqual(storyOf(device), []);
    await silence(device, 10 * minuteMs);
    assert.deepEqual(storyOf(device), ['source-silent source-silent']);
    const told = device.events.find(({ event }) => event === 'source-silent');
    assert.match(String((told as { reason?: string }).reason), /sensors\/press-7\/accel/);
    await world.time.advance(2_000);
    assert.deepEqual(storyOf(device).slice(1), ['source-resumed']);
    await silence(device, 2 * minuteMs);
    assert.deepEqual(storyOf(device).slice(2), ['source-silent source-silent']);
  });

  it('is not called silent while there is no session to hear it in, nor right after', async () => {
    const source = { topic: 'sensors/press-7/accel', silentAfterMs: minuteMs };
    const device = await settled({ source });
    world.broker.stop();
    await silence(device, 10 * minuteMs);
    world.broker.start();
    device.silent = true;
    await world.time.advance(30_000);
    assert.deepEqual(storyOf(device), []);
    await world.time.advance(2 * minuteMs);
    assert.deepEqual(storyOf(device), ['source-silent source-silent']);
  });

  it('is not called silent before a release is served', async () => {
    const device = world.startDevice({ source: { topic: 't', silentAfterMs: minuteMs } });
    device.silent = true;
    await world.time.advance(10 * minuteMs);
    assert.deepEqual(storyOf(device), []);
    await world.publish(first);
    await world.time.advance(minuteMs - 10_000);
    assert.deepEqual(storyOf(device), []);
    await world.time.advance(minuteMs);
    assert.deepEqual(storyOf(device), ['source-silent source-silent']);
  });
});
