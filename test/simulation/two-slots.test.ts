import type { SlotSettings } from '../../agent/core/settings.js';
import assert from 'node:assert/strict';
import { toHex } from '../../protocol/bytes.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { filesIn } from './disk-files.js';
import { settle } from './settle.js';
import { slot } from './world-slot.js';
import { World } from './world.js';
import { periodMs, type WorldDevice, type WorldDeviceOptions } from './world-device.js';

const otherSlot = 'bearing';
const minuteMs = 60_000;

describe('A device with two slots', () => {
  let world: World;
  let first: ReleaseFile;
  let second: ReleaseFile;
  let other: ReleaseFile;

  const settings: SlotSettings = {
    limits: { arenaBytes: 262_144, imageBytes: 1_048_576, periodMs },
    sink: { topic: undefined, encode: 'json' },
  };
  const started = (options: WorldDeviceOptions = {}): WorldDevice => {
    return world.startDevice({
      settings: { slots: new Map([slot, otherSlot].map((name) => [name, settings])) },
      ...options,
    });
  };

  beforeEach(async () => {
    world = await World.create();
    first = await world.workshop.build('vibration-v1', 1);
    second = await world.workshop.buildUnseen('vibration-v1', 2);
    other = world.inManyBlocks(await world.createWorkshop(otherSlot).build('vibration-v2', 1));
  });
  afterEach(() => {
    world.end();
  });

  /** Topics of the blocks of a file, which is the last one of the other slot's release. */
  const lastFile = (): readonly string[] => {
    const digest = toHex(other.manifest.artifacts.at(-1)?.digest ?? new Uint8Array());
    return [...world.broker.retained.keys()].filter((topic) => topic.includes(digest));
  };

  /** A device that runs release 1 in one slot, and has all blocks but one of the other slot's release. */
  const halfWay = async (): Promise<WorldDevice> => {
    const device = await settle(world, started(), first);
    await world.publishContent(other);
    const missing = lastFile().at(-2) ?? '';
    const block = world.broker.retained.get(missing) ?? new Uint8Array();
    world.broker.retained.delete(missing);
    await world.publishPolicy(other);
    await world.time.advance(2_000);
    assert.equal(filesIn(device.disk, 'partial').length, 1);
    // From now on the broker has only what is missing: what was there cannot be fetched again.
    for (const topic of lastFile()) world.broker.retained.delete(topic);
    world.broker.retained.set(missing, block);
    return device;
  };

  const assertComesToItsEnd = async (device: WorldDevice): Promise<void> => {
    await world.time.advance(minuteMs);
    const told = device.story.join('\n');
    assert.equal(device.slotRecord(otherSlot)?.current?.sequence, 1, told);
    assert.deepEqual(filesIn(device.disk, 'partial'), []);
  };

  it('gives the room of a slot that left the configuration to one that needs it, names it, and keeps its floors', async () => {
    const device = await settle(world, started(), first);
    await world.publishPolicy(first, { promoted: 1 });
    await world.publish(other);
    await world.time.advance(10_000);
    assert.equal(device.slotRecord(otherSlot)?.current?.sequence, 1);
    const before = device.slotRecord(slot);
    assert.equal(before?.sequenceFloor, 1);
    device.losePower();
    // Only the other slot is configured now, and its next release needs the room of the first.
    const next = world.inManyBlocks(await world.createWorkshop(otherSlot).build('vibration-v2', 2));
    const used = [...device.disk.files.values()].reduce((sum, { length }) => sum + length, 0);
    const again = started({
      disk: device.disk,
      storageBytes: used + 262_144 + 35_000,
      settings: { slots: new Map([[otherSlot, settings]]) },
    });
    await world.publish(next);
    await world.time.advance(minuteMs);
    const refused = again.events.find(({ code }) => code === 'storage-full');
    assert.match(refused?.reason ?? '', new RegExp(`configuration: ${slot} \\d+`));
    assert.equal(
      again.slotRecord(otherSlot)?.current?.sequence,
      2,
      again.events.map(({ reason }) => reason).join('\n'),
    );
    const { current, previous, sequenceFloor, policyVersion } = again.record ?? {};
    assert.deepEqual(
      { current, previous, sequenceFloor, policyVersion },
      {
        ...{ current: undefined, previous: undefined },
        sequenceFloor: 1,
        policyVersion: before.policyVersion,
      },
    );
  });

  it('serves one release in each', async () => {
    const device = started();
    await world.publish(first);
    await world.publish(other);
    await world.time.advance(10_000);
    assert.equal(device.slotRecord(slot)?.current?.sequence, 1);
    assert.equal(device.slotRecord(otherSlot)?.current?.sequence, 1);
    assert.equal(device.engine.loaded.size, 2);
  });

  it('goes on with the half of one after a start, although nothing is wanted of the other', async () => {
    const { disk } = await halfWay().then((device) => {
      device.losePower();
      return device;
    });
    await assertComesToItsEnd(started({ disk }));
  });

  it('goes on with the half of one after a start without the broker, in which the trial of the other ended', async () => {
    const before = await halfWay();
    await world.publish(second, { soakMs: minuteMs, inferences: 1 });
    await world.time.advance(5_000);
    before.losePower();
    world.broker.stop();
    const device = started({ disk: before.disk });
    await world.time.advance(2 * minuteMs);
    assert.equal(device.slotRecord(slot)?.current?.sequence, 2);
    assert.equal(filesIn(device.disk, 'partial').length, 1, 'what had come was thrown away');
    world.broker.start();
    await assertComesToItsEnd(device);
    // Its own manifest, and current and previous of the other slot.
    assert.equal(filesIn(device.disk, 'manifests').length, 3);
  });

  it('throws the half of one away where its policy is gone, once the broker has nothing to say about it', async () => {
    const before = await halfWay();
    before.losePower();
    world.broker.retained.delete(world.topics.policy(otherSlot));
    const device = started({ disk: before.disk });
    await world.time.advance(minuteMs);
    assert.deepEqual(filesIn(device.disk, 'partial'), []);
    assert.equal(filesIn(device.disk, 'manifests').length, 1);
  });
});
