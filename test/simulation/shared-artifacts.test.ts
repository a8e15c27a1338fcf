import assert from 'node:assert/strict';
import type { SlotSettings } from '../../agent/core/settings.js';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { toHex } from '../../protocol/bytes.js';
import { sealRelease } from '../../operator/release/build-release.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { describeTransfer } from '../../operator/release/split-blocks.js';
import type { StorageFault } from '../../simulator/ports/memory-storage.js';
import { filesIn } from './disk-files.js';
import { slot } from './world-slot.js';
import { World } from './world.js';
import { periodMs, type WorldDevice, type WorldDeviceOptions } from './world-device.js';

const otherSlot = 'bearing';
const minuteMs = 60_000;
const hourMs = 3_600_000;

describe('Two slots whose releases share artifacts', () => {
  let world: World;
  /** All of both but the model's golden vectors is the same, in many blocks. */
  let first: ReleaseFile;
  let other: ReleaseFile;
  const running: WorldDevice[] = [];

  const started = (options: WorldDeviceOptions = {}): WorldDevice => {
    const settings: SlotSettings = {
      limits: { arenaBytes: 262_144, imageBytes: 1_048_576, periodMs },
      sink: { topic: undefined, encode: 'json' },
      labelsTopic: 'truth/press-7',
    };
    const device = world.startDevice({
      settings: { slots: new Map([slot, otherSlot].map((name) => [name, settings])) },
      ...options,
    });
    running.push(device);
    return device;
  };

  before(async () => {
    world = await World.create();
    first = world.inManyBlocks(await world.workshop.build('vibration-v1', 1));
    other = world.inManyBlocks(await world.createWorkshop(otherSlot).build('vibration-v1', 1));
  });
  after(() => {
    world.end();
  });
  beforeEach(() => {
    world.broker.retained.clear();
  });
  afterEach(() => {
    for (const device of running.splice(0)) device.losePower();
  });

  const digestOf = (release: ReleaseFile): string =>
    toHex(release.manifest.artifacts.at(-1)?.digest ?? new Uint8Array());
  const blocksOf = (release: ReleaseFile): readonly string[] =>
    [...world.broker.retained.keys()].filter((topic) => topic.includes(digestOf(release)));
  const publishBoth = async (): Promise<void> => {
    await world.publish(first);
    await world.publish(other);
  };
  const currents = (device: WorldDevice): readonly unknown[] =>
    [slot, otherSlot].map((name) => device.slotRecord(name)?.current?.sequence);
  const assertBothServe = (device: WorldDevice): void => {
    assert.deepEqual(currents(device), [1, 1], device.story.join('\n'));
    assert.deepEqual(filesIn(device.disk, 'partial'), []);
    assert.equal(filesIn(device.disk, 'manifests').length, 2);
    const images = [first, other].flatMap(({ manifest }) =>
      manifest.artifacts.map(({ digest }) => `images/${toHex(digest)}`),
    );
    assert.deepEqual(new Set(filesIn(device.disk, 'images')), new Set(images));
  };

  it('fetches each artifact once, and serves both', async () => {
    const writes: string[] = [];
    await publishBoth();
    const device = started({
      beforeOperation: (_, what) => {
        if (what.startsWith('writeAt')) writes.push(what);
        return 'go';
      },
    });
    await world.time.advance(10_000);
    assertBothServe(device);
    const shared = writes.filter((what) => what.endsWith(digestOf(first)));
    assert.equal(digestOf(first), digestOf(other));
    assert.equal(shared.length, blocksOf(first).length);
    assert.deepEqual(
      device.events.filter(({ code }) => code !== undefined),
      [],
    );
  });

  it('goes on for one where the other withdraws in the middle, whichever came first', async () => {
    for (const leaver of [first, other]) {
      world.broker.retained.clear();
      await publishBoth();
      const [missing = ''] = blocksOf(first);
      const block = world.broker.retained.get(missing) ?? new Uint8Array();
      world.broker.retained.delete(missing);
      const device = started();
      await world.time.advance(2_000);
      const next = await world.createWorkshop(leaver.manifest.slot).buildUnseen('vibration-v2', 2);
      await world.publish(next);
      await world.time.advance(2_000);
      const stays = leaver === first ? otherSlot : slot;
      assert.equal(device.slotRecord(leaver.manifest.slot)?.current?.sequence, 2);
      assert.equal(device.slotRecord(stays)?.current, undefined);
      assert.ok(filesIn(device.disk, 'partial').length > 0, 'what had come was thrown away');
      world.broker.publish({ topic: missing, payload: block, retained: true });
      await world.time.advance(2_000);
      assert.equal(device.slotRecord(stays)?.current?.sequence, 1, device.story.join('\n'));
      assert.deepEqual(filesIn(device.disk, 'partial'), []);
      device.losePower();
    }
  });

  it('throws the half of an artifact away when the last one that wanted it has withdrawn', async () => {
    await publishBoth();
    world.broker.retained.delete(blocksOf(first)[0] ?? '');
    const device = started();
    await world.time.advance(2_000);
    for (const name of [slot, otherSlot]) {
      await world.publish(await world.createWorkshop(name).buildUnseen('vibration-v2', 2));
    }
    await world.time.advance(5_000);
    assert.deepEqual(currents(device), [2, 2]);
    assert.deepEqual(filesIn(device.disk, 'partial'), []);
    assert.equal(filesIn(device.disk, 'manifests').length, 2);
  });

  it('takes for the second what the first has on disk already, and fetches only the rest', async () => {
    await world.publish(first);
    const writes: string[] = [];
    const device = started({
      beforeOperation: (_, what) => {
        if (what.startsWith('writeAt')) writes.push(what);
        return 'go';
      },
    });
    await world.time.advance(5_000);
    const before = writes.length;
    await world.publish(other);
    await world.time.advance(5_000);
    assertBothServe(device);
    assert.deepEqual(
      writes.slice(before).filter((what) => what.endsWith(digestOf(first))),
      [],
    );
  });

  it('serves both at last where the disk fails in the middle, for one or for both', async () => {
    for (const failing of [1, 2, 5]) {
      world.broker.retained.clear();
      await publishBoth();
      let writes = 0;
      const device = started({
        beforeOperation: (_, what): StorageFault => {
          if (!what.startsWith('writeAt')) return 'go';
          return ++writes >= 3 && writes < 3 + failing ? 'fail' : 'go';
        },
      });
      await world.time.advance(2 * minuteMs);
      assertBothServe(device);
      device.losePower();
    }
  });

  it('serves both at last where what was written of an artifact is gone when it is read', async () => {
    await publishBoth();
    let lost = 0;
    const device = started({
      beforeOperation: (_, what): StorageFault => {
        const name = `partial/${digestOf(first)}`;
        if (what === `read ${name}` && device.disk.files.has(name) && lost++ < 2) {
          device.disk.files.delete(name);
        }
        return 'go';
      },
    });
    await world.time.advance(2 * minuteMs);
    assert.ok(lost > 0);
    assertBothServe(device);
  });

  it('serves both after a power cut at any operation in the middle', async () => {
    await publishBoth();
    for (let operation = 1; ; operation += 3) {
      let last = 0;
      const cut = started({
        beforeOperation: (number) => {
          last = number;
          return number >= operation ? 'stop' : 'go';
        },
      });
      await world.time.advance(3_000);
      cut.losePower();
      if (last < operation) break;
      const device = started({ disk: cut.disk });
      await world.time.advance(5_000);
      assertBothServe(device);
      device.losePower();
    }
  });

  it('serves both where their manifests cut the same bytes into other blocks, of which the broker has one kind', async () => {
    const { manifest, artifacts } = first;
    const cut = sealRelease(
      {
        ...manifest,
        artifacts: manifest.artifacts.map((artifact, i) => ({
          ...artifact,
          transfers: [describeTransfer(artifacts[i] ?? new Uint8Array(), 8192, createNodeCrypto())],
        })),
      },
      artifacts,
      world.keys.key,
    );
    // Whatever is published last overwrites the blocks of the one before.
    for (const order of [
      [cut, other],
      [other, cut],
    ]) {
      world.broker.retained.clear();
      for (const release of order) await world.publish(release);
      const device = started();
      await world.time.advance(2 * minuteMs);
      assertBothServe(device);
      device.losePower();
    }
  });

  it('holds it against a release whose blocks are all right and whose artifact is not, and against no other', async () => {
    const { manifest, artifacts } = first;
    const last = manifest.artifacts.length - 1;
    const wrong = (artifacts[last] ?? new Uint8Array()).map((byte) => byte ^ 1);
    const lying = sealRelease(
      {
        ...manifest,
        artifacts: manifest.artifacts.map((artifact, i) => {
          if (i < last) return artifact;
          const { blockHashes } = describeTransfer(wrong, 4096, createNodeCrypto());
          return {
            ...artifact,
            transfers: artifact.transfers.map((transfer) => ({ ...transfer, blockHashes })),
          };
        }),
      },
      artifacts.with(last, wrong),
      world.keys.key,
    );
    await world.publish(other);
    await world.publish(lying);
    const device = started();
    await world.time.advance(minuteMs);
    assert.equal(device.state.code, 'image-digest-mismatch', device.story.join('\n'));
    assert.deepEqual(device.record?.rejected.length, 1);
    // The right blocks of the other slot's release were overwritten, and are put back.
    await world.publishContent(other);
    await world.time.advance(minuteMs);
    assert.equal(device.slotRecord(otherSlot)?.current?.sequence, 1, device.story.join('\n'));
    world.broker.cutSessions();
    await world.time.advance(hourMs);
    assert.equal(device.record?.current, undefined);
  });

  it('hears one topic of true labels in both', async () => {
    await publishBoth();
    const device = started();
    await world.time.advance(5_000);
    const { window, boot, label } = device.results.at(-1) ?? {};
    world.broker.publish({
      topic: 'truth/press-7',
      payload: new TextEncoder().encode(JSON.stringify({ boot, window, label })),
      retained: false,
    });
    await world.time.advance(minuteMs);
    const labelled = [slot, otherSlot].map((name) =>
      device.totals
        .filter((report) => report.slot === name)
        .flatMap(({ releases }) => releases)
        .reduce((sum, release) => sum + release.labelled, 0),
    );
    assert.deepEqual(labelled, [1, 1]);
  });
});
