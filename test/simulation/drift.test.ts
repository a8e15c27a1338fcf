import assert from 'node:assert/strict';
import type { DriftSettings } from '../../agent/core/settings.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { Prng } from '../../simulator/prng.js';
import { environments } from '../../simulator/signals/environment.js';
import { VibrationSignal } from '../../simulator/signals/vibration-signal.js';
import { World } from './world.js';
import type { WorldDevice, WorldDeviceOptions } from './world-device.js';

const minuteMs = 60_000;

/** A sensor whose mounting can be knocked. */
class Mounting extends VibrationSignal {
  offset = 0;

  override next(frames: Float32Array): void {
    super.next(frames);
    for (let at = 1; at < frames.length; at += 3) frames[at] = (frames[at] ?? 0) + this.offset;
  }
}

const drift: DriftSettings = {
  cycleMs: 10 * minuteMs,
  action: 'report',
  scale: [-8, 8],
  toleratedAlarms: 1,
  commission: 1,
};

describe('Drift', () => {
  let world: World;
  let first: ReleaseFile;
  let signal: Mounting;
  beforeEach(async () => {
    world = await World.create();
    first = await world.workshop.build('vibration-v1', 1);
    signal = new Mounting(environments.field, 'normal', Prng.fromSeed(5));
    await world.publish(first);
  });
  afterEach(() => {
    world.end();
  });

  const start = (options: WorldDeviceOptions & { readonly drift?: DriftSettings } = {}) =>
    world.startDevice({ signal, drift, ...options });

  const told = (device: WorldDevice): readonly string[] =>
    device.events
      .filter(({ event }) => event.startsWith('drift'))
      .map(({ event, code, reason }) => [event, code, reason].filter(Boolean).join(': '));

  const changed = 'drift: input-changed: the input of this device has changed (mean of channel 2)';

  it('is told with number and channel, once, after a whole cycle was learned', async () => {
    const device = start();
    await world.time.advance(9 * minuteMs);
    assert.deepEqual(told(device), []);
    await world.time.advance(20 * minuteMs);
    assert.match(
      told(device)[0] ?? '',
      /^drift-commissioned: what is normal was learned from 60\d windows$/,
    );
    assert.equal(told(device).length, 1);
    signal.offset = 0.2;
    await world.time.advance(minuteMs);
    assert.deepEqual(told(device).slice(1), [changed]);
    await world.time.advance(30 * minuteMs);
    assert.equal(told(device).length, 2);
    assert.deepEqual(
      device.results.map(({ window }) => window),
      device.results.map((_, i) => i + 1),
    );
  });

  it('is not told where nothing was to be watched', async () => {
    const device = world.startDevice({ signal });
    await world.time.advance(20 * minuteMs);
    signal.offset = 2;
    await world.time.advance(20 * minuteMs);
    assert.deepEqual(told(device), []);
    assert.ok(![...device.disk.files.keys()].some((name) => name.startsWith('drift/')));
  });

  it('goes on learning after an orderly end, and after a power cut from what was written', async () => {
    let device = start();
    await world.time.advance(5 * minuteMs);
    await device.stop();
    device = start({ disk: device.disk });
    await world.time.advance(4 * minuteMs);
    assert.deepEqual(told(device), []);
    await world.time.advance(2 * minuteMs);
    assert.equal(told(device).length, 1);
    device.losePower();
    device = start({ disk: device.disk });
    signal.offset = 0.2;
    await world.time.advance(minuteMs);
    assert.deepEqual(told(device), [changed]);
    device.losePower();
    // It stays until the owner has it commissioned anew.
    device = start({ disk: device.disk });
    await world.time.advance(20 * minuteMs);
    assert.deepEqual(told(device), []);
    await device.stop();
    device = start({ disk: device.disk, drift: { ...drift, commission: 2 } });
    await world.time.advance(15 * minuteMs);
    assert.equal(told(device).length, 1);
    signal.offset = 0;
    await world.time.advance(minuteMs);
    assert.deepEqual(told(device).slice(1), [changed]);
  });

  it('takes longer to be certain in a large fleet, by the signed policy, also after a start without the broker', async () => {
    for (const [devices, secondsToTell] of [
      [undefined, 12],
      [1_000_000, 17],
    ] as const) {
      signal.offset = 0;
      const deviceId = `press-${devices ?? 1}`;
      let device = start({ deviceId });
      const terms = { alphaPermille: 50, deviceMarginPermille: 50, blockWindows: 10 };
      const evidence = devices === undefined ? undefined : { ...terms, devices };
      await world.publishPolicy(first, { evidence });
      await world.time.advance(15 * minuteMs);
      await device.stop();
      world.broker.stop();
      device = start({ deviceId, disk: device.disk });
      await world.time.advance(10_000);
      signal.offset = 0.2;
      await world.time.advance((secondsToTell - 5) * 1_000);
      const isMarked = (): boolean => device.logged.includes('drift');
      assert.ok(!isMarked(), `${devices}: too early`);
      await world.time.advance(5_000);
      assert.ok(isMarked(), `${devices}: too late`);
      device.losePower();
      world.broker.start();
    }
  });

  it('begins anew where its file is damaged, and answers on where the disk takes none', async () => {
    let device = start();
    await world.time.advance(11 * minuteMs);
    await device.stop();
    const file = device.disk.files.get('drift/vibration');
    assert.ok(file !== undefined);
    device.disk.files.set(
      'drift/vibration',
      file.map((byte) => byte ^ 1),
    );
    let isFull = false;
    device = start({
      disk: device.disk,
      beforeOperation: (_, what) => (isFull && what.includes('drift/') ? 'fail' : 'go'),
    });
    await world.time.advance(5_000);
    isFull = true;
    await world.time.advance(11 * minuteMs);
    assert.match(told(device).join(), /^drift-commissioned/);
    assert.ok(device.story.some((line) => line.startsWith('state-not-saved')));
    signal.offset = 0.2;
    await world.time.advance(minuteMs);
    assert.equal(told(device).length, 2);
    assert.equal(device.results.length, device.bursts);
  });
});
