import assert from 'node:assert/strict';
import type { SlotRecord } from '../../agent/core/state/record.js';
import { createMemoryDisk, type MemoryDisk } from '../../simulator/ports/memory-storage.js';
import { World } from './world.js';

/**
 * The power fails at every single operation of the storage, one run each, and the device starts again on
 * what is left. An operation that was carried out and not answered any more is the same as a cut at the next one.
 */
describe('A power cut at every operation of the storage', () => {
  let world: World;
  /** What the broker retains when releases 1, 1 and 2, and 1 to 3 were published. */
  let published: readonly ReadonlyMap<string, Uint8Array>[] = [];

  before(async () => {
    world = await World.create();
    const snapshots: ReadonlyMap<string, Uint8Array>[] = [];
    for (const [i, model] of (
      ['vibration-v1', 'vibration-v2', 'vibration-v1'] as const
    ).entries()) {
      await world.release(model, i + 1);
      snapshots.push(new Map(world.broker.retained));
    }
    published = snapshots;
  });
  after(() => {
    world.end();
  });

  /** Makes the broker one to which the first releases were published and nothing else. */
  const retain = (releases: number): void => {
    world.broker.retained.clear();
    for (const [topic, payload] of published[releases - 1] ?? [])
      world.broker.retained.set(topic, payload);
  };

  /** A disk on which the first releases were installed, one after the other. */
  const diskAfter = async (releases: number): Promise<MemoryDisk> => {
    const disk = createMemoryDisk();
    for (let i = 1; i <= releases; i++) {
      retain(i);
      const device = world.createDevice({ disk });
      device.start();
      await world.time.advance(4_000);
      assert.equal(device.record?.current?.sequence, i);
      device.losePower();
    }
    return disk;
  };

  /** Runs a device on a copy of the disk until its power fails at the given operation. */
  const runUntil = async (before: MemoryDisk, operation: number) => {
    const disk = { files: new Map(before.files) };
    let operations = 0;
    const device = world.createDevice({
      disk,
      beforeOperation: (number) => {
        operations = number;
        return number >= operation ? 'stop' : 'go';
      },
    });
    device.start();
    await world.time.advance(4_000);
    device.losePower();
    return { disk, record: device.record, operations };
  };

  /** Starts on a disk that a cut has left: first without its broker, then with it. */
  const startAgain = async (
    disk: MemoryDisk,
    desired: number,
    context: string,
  ): Promise<SlotRecord> => {
    world.broker.stop();
    const device = world.createDevice({ disk });
    const { record: left } = device;
    device.start();
    await world.time.advance(1_500);
    if (left?.current !== undefined) {
      assert.ok(device.engine.loaded.size > 0, `${context}: what was committed is not served`);
    }
    world.broker.start();
    await world.time.advance(5_500);
    assert.equal(device.record?.current?.sequence, desired, `${context}: not converged`);
    assert.deepEqual(
      device.results.map(({ window }) => window),
      device.results.map((_, i) => i + 1),
      `${context}: windows are missing`,
    );
    assert.ok(device.results.length > 0, `${context}: no answers`);
    assert.ok(
      !device.story.some((line) => /lost|refused|rejected/.test(line)),
      device.story.join('\n'),
    );
    device.losePower();
    return device.record;
  };

  const assertFloorsHold = (
    before: SlotRecord | undefined,
    after: SlotRecord,
    context: string,
  ): void => {
    for (const floor of ['sequenceFloor', 'epochFloor', 'policyVersion'] as const) {
      assert.ok(after[floor] >= (before?.[floor] ?? 0), `${context}: ${floor} fell`);
    }
  };

  for (const [what, installed] of [
    ['the first installation', 0],
    ['an update', 1],
    ['an update of a device that has a previous release', 2],
  ] as const) {
    it(`loses nothing of ${what}, and the device converges`, async () => {
      const before = await diskAfter(installed);
      retain(installed + 1);
      const { operations, record } = await runUntil(before, Infinity);
      assert.equal(record?.current?.sequence, installed + 1);
      assert.ok(operations > 20, `${operations} operations`);
      for (let cut = 1; cut <= operations; cut++) {
        const context = `cut at ${cut} of ${operations}`;
        retain(installed + 1);
        const left = await runUntil(before, cut);
        if (installed > 0) {
          const current = left.record?.current?.sequence;
          assert.ok(
            current === installed || current === installed + 1,
            `${context}: current ${current}`,
          );
        }
        const after = await startAgain(left.disk, installed + 1, context);
        assertFloorsHold(left.record, after, context);
      }
    });
  }

  it('loses nothing either where the power fails again while the device recovers', async () => {
    const before = await diskAfter(1);
    retain(2);
    const { operations } = await runUntil(before, Infinity);
    for (let cut = 2; cut <= operations; cut += 5) {
      retain(2);
      const first = await runUntil(before, cut);
      for (let again = 1; again <= operations; again += 7) {
        const context = `cut at ${cut}, and again at ${again}`;
        retain(2);
        const second = await runUntil(first.disk, again);
        const after = await startAgain(second.disk, 2, context);
        assertFloorsHold(second.record, after, context);
      }
    }
  });
});
