import assert from 'node:assert/strict';
import { createInProcessEngine } from '../../agent/adapters/engine/in-process-engine.js';
import type { Engine } from '../../agent/ports/engine.js';
import { encodeReleaseFile, type ReleaseFile } from '../../protocol/documents/release-file.js';
import type { InferenceFault } from '../../simulator/ports/faulty-engine.js';
import { assertEveryWindowAnswered } from './answers.js';
import { settle } from './settle.js';
import { World } from './world.js';
import type { WorldDevice, WorldDeviceOptions } from './world-device.js';

/** A trial that does not end in these tests. */
const longTrial = { soakMs: 3_600_000, inferences: 1 };

describe('The thread that models may share', () => {
  let world: World;
  let first: ReleaseFile;
  /** Handles that were loaded where they may share, and those that may since. */
  let sharing: Set<number>;
  let inference: (handle: number) => InferenceFault = () => 'none';

  beforeEach(async () => {
    inference = () => 'none';
    sharing = new Set();
    world = await World.create();
    first = await world.workshop.build('vibration-v1', 1);
  });
  afterEach(() => {
    world.end();
  });

  const watched = (): Engine => {
    const engine = createInProcessEngine(world.core);
    return {
      ...engine,
      load: (handle, model, limits) => {
        if (limits.mayShare === true) sharing.add(handle);
        return engine.load(handle, model, limits);
      },
      share: (handle) => {
        sharing.add(handle);
        return engine.share(handle);
      },
    };
  };
  const start = (options: WorldDeviceOptions = {}): WorldDevice =>
    world.startDevice({
      engine: watched(),
      beforeInference: (handle) => inference(handle),
      ...options,
    });
  /** Of the instances that are loaded, the oldest first, whether each may share. */
  const shares = (device: WorldDevice): readonly boolean[] =>
    [...device.engine.loaded].toSorted((a, b) => a - b).map((handle) => sharing.has(handle));

  it('is not for a release on trial, and is for it as soon as it is committed', async () => {
    const device = await settle(world, start(), first);
    assert.deepEqual(shares(device), [true]);
    const second = await world.workshop.build('vibration-v2', 2);
    await world.publish(second, longTrial);
    await world.time.advance(5_000);
    assert.equal(device.state.phase, 'trial');
    assert.deepEqual(shares(device), [true, false]);
    await world.publish(second);
    await world.time.advance(5_000);
    assert.equal(device.state.current, 2);
    assert.deepEqual(shares(device), [true]);
  });

  it('is not for a challenger in the shadow', async () => {
    const device = await settle(world, start(), first);
    const second = await world.workshop.build('vibration-v2', 2);
    await world.publishContent(second);
    await world.publishPolicy(first, {
      arms: [{ release: second, shadow: { windows: 1_000, budgetPermille: 1000 } }],
    });
    await world.time.advance(10_000);
    assert.equal(device.state.phase, 'shadow');
    assert.deepEqual(shares(device), [true, false]);
  });

  it('is for the committed release from the start of the device on', async () => {
    const before = await settle(world, start(), first);
    before.losePower();
    sharing.clear();
    world.broker.stop();
    const device = start({ disk: before.disk });
    await world.time.advance(2_000);
    assert.deepEqual(shares(device), [true]);
  });

  it('is for a factory release once its golden vectors have come out', async () => {
    const file = encodeReleaseFile(first.envelope, first.artifacts);
    const beforeServing: boolean[] = [];
    inference = (handle) => {
      if (beforeServing.length === 0) beforeServing.push(sharing.has(handle));
      return 'none';
    };
    world.broker.stop();
    const device = start({ factory: () => file });
    await world.time.advance(2_000);
    assert.deepEqual(beforeServing, [false]);
    assert.deepEqual(shares(device), [true]);
  });

  for (const fault of ['engine-trapped', 'engine-deadline'] as const) {
    it(`is no longer for a champion that could not answer (${fault}), until the next start`, async () => {
      const device = await settle(world, start(), first);
      let faults = 1;
      inference = () => (faults-- > 0 ? fault : 'none');
      await world.time.advance(5_000);
      assert.equal(faults < 0, true);
      assert.deepEqual(shares(device), [false]);
      assertEveryWindowAnswered(device);
      device.losePower();
      await world.time.advance(1_000);
      const again = start({ disk: device.disk });
      await world.time.advance(2_000);
      assert.deepEqual(shares(again), [true]);
    });
  }
});
