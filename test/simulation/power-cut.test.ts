import assert from 'node:assert/strict';
import type { SlotRecord } from '../../agent/core/state/record.js';
import type { ReleaseFile } from '../../operator/release/release-file.js';
import { createMemoryDisk, type MemoryDisk } from '../../simulator/ports/memory-storage.js';
import { assertAnsweredInOrder } from './answers.js';
import { filesIn } from './disk-files.js';
import { World } from './world.js';

/**
 * The power fails at every single operation of the storage, one run each, and the device starts again on
 * what is left. An operation that was carried out and not answered any more is the same as a cut at the next one.
 */
describe('A power cut at every operation of the storage', () => {
  let world: World;
  /** What the broker retains when releases 1, 1 and 2, and 1 to 3 were published. */
  let published: readonly ReadonlyMap<string, Uint8Array>[] = [];

  /** What was published, in order. A release that is built anew is another one: its budget is measured. */
  const releases: ReleaseFile[] = [];
  const releaseOf = (sequence: number): ReleaseFile => {
    const release = releases[sequence - 1];
    assert.ok(release);
    return release;
  };

  before(async () => {
    world = await World.create();
    const snapshots: ReadonlyMap<string, Uint8Array>[] = [];
    for (const [i, model] of (
      ['vibration-v1', 'vibration-v2', 'vibration-v1'] as const
    ).entries()) {
      releases.push(await world.release(model, i + 1));
      snapshots.push(new Map(world.broker.retained));
    }
    published = snapshots;
  });
  after(() => {
    world.end();
  });

  /** Makes the broker one to which this was published and nothing else. */
  const retainOnly = (messages: ReadonlyMap<string, Uint8Array>): void => {
    world.broker.retained.clear();
    for (const [topic, payload] of messages) world.broker.retained.set(topic, payload);
  };

  /** The same with the first releases. */
  const retain = (releases: number): void => {
    retainOnly(published[releases - 1] ?? new Map<string, Uint8Array>());
  };

  /** A disk on which the first releases were installed, one after the other. */
  const diskAfter = async (releases: number): Promise<MemoryDisk> => {
    const disk = createMemoryDisk();
    for (let i = 1; i <= releases; i++) {
      retain(i);
      const device = world.startDevice({ disk });
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
    const device = world.startDevice({
      disk,
      beforeOperation: (number) => {
        operations = number;
        return number >= operation ? 'stop' : 'go';
      },
    });
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
    assertAnsweredInOrder(device, `${context}: windows are missing`);
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

  /** Retains what the operator has published so far, and nothing that devices said. */
  const keepPublished = (): ReadonlyMap<string, Uint8Array> =>
    new Map(
      [...world.broker.retained].filter(([topic]) => world.topics.parseDevice(topic) === undefined),
    );

  /** Cuts at every operation of a run that starts on this disk, with this retained by the broker. */
  const cutEverywhere = async (
    before: MemoryDisk,
    retained: ReadonlyMap<string, Uint8Array>,
    expected: { readonly current: number; readonly allowed: readonly number[] },
    assertConverged: (record: SlotRecord, disk: MemoryDisk, context: string) => void,
  ): Promise<void> => {
    retainOnly(retained);
    const whole = await runUntil(before, Infinity);
    assert.equal(whole.record?.current?.sequence, expected.current);
    const floors = world.createDevice({ disk: before }).record;
    for (let cut = 1; cut <= whole.operations; cut++) {
      const context = `cut at ${cut} of ${whole.operations}`;
      retainOnly(retained);
      const left = await runUntil(before, cut);
      const current = left.record?.current?.sequence;
      assert.ok(
        current !== undefined && expected.allowed.includes(current),
        `${context}: ${current}`,
      );
      if (left.record !== undefined) assertFloorsHold(floors, left.record, context);
      const after = await startAgain(left.disk, expected.current, context);
      assertFloorsHold(left.record, after, context);
      assertConverged(after, left.disk, context);
    }
  };

  it('loses nothing of a roll-back that a signed policy asks for', async () => {
    const before = await diskAfter(2);
    retain(2);
    await world.publishPolicy(releaseOf(1));
    const retained = keepPublished();
    await cutEverywhere(before, retained, { current: 1, allowed: [1, 2] }, (record, _, context) => {
      assert.equal(record.previous, undefined, context);
    });
  });

  it('loses nothing of an adoption of the running image under a later number', async () => {
    const before = await diskAfter(2);
    retain(2);
    await world.publish(world.withManifest(releaseOf(2), { sequence: 5 }));
    const retained = keepPublished();
    await cutEverywhere(before, retained, { current: 5, allowed: [2, 5] }, (record, _, context) => {
      assert.equal(record.previous?.sequence, 1, context);
      assert.equal(record.candidate, undefined, context);
    });
  });

  it('loses nothing of a promotion: the floor rises once and stays, and the old files go', async () => {
    const before = await diskAfter(2);
    retain(2);
    await world.publishPolicy(releaseOf(2), { promoted: 2 });
    const retained = keepPublished();
    await cutEverywhere(before, retained, { current: 2, allowed: [2] }, (record, disk, context) => {
      assert.equal(record.sequenceFloor, 2, context);
      assert.equal(record.previous, undefined, context);
      assert.equal(filesIn(disk, 'manifests').length, 1, context);
    });
  });

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
