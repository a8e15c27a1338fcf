import assert from 'node:assert/strict';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { assertEveryWindowAnswered } from './answers.js';
import { filesIn } from './disk-files.js';
import { settle } from './settle.js';
import { countOf, storyOf } from './story.js';
import { World } from './world.js';
import type { WorldDevice, WorldDeviceOptions } from './world-device.js';

const minuteMs = 60_000;

describe('A slot', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.create();
  });
  afterEach(() => {
    world.end();
  });

  const started = (options?: WorldDeviceOptions): WorldDevice => world.startDevice(options);

  /** A device that runs v1 as release 1. */
  const settled = async (options?: WorldDeviceOptions): Promise<WorldDevice> =>
    settle(world, started(options), await world.workshop.build('vibration-v1', 1));

  /** Bytes of all files of a release, and the smallest blocks that they are cut into. */
  const bytesOf = ({ manifest }: ReleaseFile): number =>
    manifest.artifacts.reduce((sum, { size }) => sum + size, 0);
  const blocksOf = ({ manifest }: ReleaseFile): number =>
    manifest.artifacts.reduce((sum, { size }) => sum + Math.ceil(size / 4096), 0);

  /** Windows are answers, or drops that telemetry reports; none is neither. */
  const assertCountsAddUp = async (device: WorldDevice): Promise<void> => {
    await world.time.advance(minuteMs);
    const [windows, answers, dropped] = ['windows', 'answers', 'windows-dropped'].map((name) =>
      device.counted(name),
    );
    assert.ok(windows !== undefined && windows > 0);
    assert.equal(windows, (answers ?? 0) + (dropped ?? 0));
  };

  it('takes a release from its offer to its commit, and then answers come out', async () => {
    const device = await settled();
    assert.deepEqual(storyOf(device, 1), [
      '1 offered',
      '1 admitted',
      '1 fetching',
      '1 verified',
      '1 self-tested',
      '1 staged',
      '1 trial',
      '1 committed',
    ]);
    assert.deepEqual(device.state, { current: 1, phase: 'committed', release: 1 });
    const [result] = device.results;
    assert.equal(result?.model, 'vibration-v1');
    assert.equal(result.label, 'normal');
    assertEveryWindowAnswered(device);
    await assertCountsAddUp(device);
  });

  it('changes from one release to the next between two inferences, and misses no window', async () => {
    const device = await settled();
    await world.release('vibration-v2', 2);
    await world.time.advance(10_000);
    assert.equal(storyOf(device, 2).at(-1), '2 committed');
    assert.deepEqual(device.state, { current: 2, previous: 1, phase: 'committed', release: 2 });
    assertEveryWindowAnswered(device);
    const sequences = device.results.map(({ sequence }) => sequence);
    assert.deepEqual(sequences, sequences.toSorted());
    assert.deepEqual(new Set(sequences), new Set([1, 2]));
    assert.equal(device.engine.loaded.size, 1);
  });

  it('keeps the files of the current and the previous release, and no others', async () => {
    const device = await settled();
    for (const sequence of [2, 3]) {
      await world.release(sequence === 2 ? 'vibration-v2' : 'vibration-v1', sequence);
      await world.time.advance(5_000);
    }
    assert.equal(filesIn(device.disk, 'manifests').length, 2);
    assert.equal(filesIn(device.disk, 'partial').length, 0);
  });

  describe('refuses, and its champion serves on:', () => {
    const rows: readonly (readonly [
      what: string,
      code: string,
      damage: (world: World, release: ReleaseFile) => ReleaseFile,
    ])[] = [
      ['a changed byte in a block', 'block-invalid', (w, r) => w.workshop.withDamagedBlock(r)],
      [
        'a changed byte in a manifest',
        'signature-invalid',
        (w, r) => w.workshop.withDamagedManifest(r),
      ],
      ['a manifest of a stranger', 'key-unknown', (w, r) => w.workshop.signedByStranger(r)],
      [
        'golden vectors that do not come out',
        'self-test-mismatch',
        (w, r) => w.workshop.withWrongSelfTest(r),
      ],
      [
        'a release for other devices',
        'target-mismatch',
        (w, r) => w.withManifest(r, { target: { classes: undefined, devices: ['press-8'] } }),
      ],
      [
        'a release for another class',
        'target-mismatch',
        (w, r) => w.withManifest(r, { target: { classes: ['pi5'], devices: undefined } }),
      ],
      [
        'a release for a later agent',
        'agent-too-old',
        (w, r) => w.withManifest(r, { minimumAgent: [0, 2, 0] }),
      ],
      [
        'a release whose time is over',
        'release-expired',
        (w, r) => w.withManifest(r, { notAfter: 1 }),
      ],
      [
        'a release with too large an arena',
        'budget-exceeded',
        (w, r) => w.withManifest(r, { budget: { ...r.manifest.budget, arenaBytes: 300_000 } }),
      ],
      [
        'a release that is too slow',
        'budget-exceeded',
        (w, r) => w.withManifest(r, { budget: { ...r.manifest.budget, expectedUs: 1_000_001 } }),
      ],
      [
        'a model that needs more than its manifest promises',
        'arena-too-small',
        (w, r) => w.withManifest(r, { budget: { ...r.manifest.budget, arenaBytes: 64 } }),
      ],
      [
        'a window that is not the model’s',
        'pipeline-mismatch',
        (w, r) =>
          w.withManifest(r, {
            pipeline: {
              ...r.manifest.pipeline,
              window: { frames: 255, stride: 255, channels: 3, sampleRateHz: undefined },
            },
          }),
      ],
      [
        'a release of another slot',
        'manifest-misplaced',
        (w, r) => w.withManifest(r, { slot: 'vision' }),
      ],
    ];
    for (const [what, code, damage] of rows) {
      it(`${what} (${code})`, async () => {
        const device = await settled();
        const damaged = damage(world, await world.workshop.build('vibration-v2', 2));
        // The operator's own slot stays the one of the test, whatever the manifest says.
        await world.publish({ ...damaged, manifest: { ...damaged.manifest, slot: 'vibration' } });
        await world.time.advance(10 * minuteMs);
        assert.deepEqual(
          device.story.filter((line) => line.startsWith('2 rejected')),
          [`2 rejected ${code}`],
          device.story.join('\n'),
        );
        assert.equal(device.state.current, 1);
        assert.equal(device.state.candidate, undefined);
        assert.equal(device.engine.loaded.size, 1);
        assertEveryWindowAnswered(device);
      });
    }
  });

  it('waits for a release whose time has not come, even if that is beyond every calendar', async () => {
    const device = await settled();
    for (const [sequence, notBefore] of [
      [2, 4_000_000_000],
      [3, Number.MAX_SAFE_INTEGER],
    ] as const) {
      const release = await world.workshop.build('vibration-v2', sequence);
      await world.publish(world.withManifest(release, { notBefore }));
      await world.time.advance(minuteMs);
      assert.equal(device.state.code, 'release-not-yet-valid');
      assert.equal(device.state.release, sequence);
      assert.equal(device.state.current, 1);
      assertEveryWindowAnswered(device);
    }
  });

  it('refuses a release below the current one, unless it is the previous one', async () => {
    const device = await settled();
    const first = await world.workshop.build('vibration-v1', 1);
    for (const [model, sequence] of [
      ['vibration-v2', 2],
      ['vibration-v1', 3],
    ] as const) {
      await world.release(model, sequence);
      await world.time.advance(5_000);
    }
    assert.equal(device.state.current, 3);
    await world.publish(first);
    await world.time.advance(5_000);
    assert.equal(device.story.at(-1), '1 rejected sequence-below-current');
    assert.equal(device.state.current, 3);
    assertEveryWindowAnswered(device);
  });

  it('goes back to the previous release where a signed policy names it', async () => {
    const device = started();
    const first = await world.release('vibration-v1', 1);
    await world.time.advance(5_000);
    await world.release('vibration-v2', 2);
    await world.time.advance(5_000);
    await world.publish(first);
    await world.time.advance(5_000);
    assert.equal(device.state.current, 1);
    // What was left is no way back: nobody goes there again without a policy that says so.
    assert.equal(device.state.previous, undefined);
    // Nothing was fetched: both releases were on disk.
    assert.equal(countOf(device, '1 fetching'), 1);
    assertEveryWindowAnswered(device);
  });

  it('refuses another release under the number of the current one', async () => {
    const device = await settled();
    await world.release('vibration-v2', 1);
    await world.time.advance(5_000);
    assert.equal(device.story.at(-1), '1 rejected sequence-reused');
  });

  it('does not try a release again whose golden vectors failed, until it has a new number', async () => {
    const device = await settled();
    const wrong = world.workshop.withWrongSelfTest(await world.workshop.build('vibration-v2', 2));
    for (let i = 0; i < 2; i++) {
      await world.publish(wrong);
      await world.time.advance(5_000);
    }
    assert.equal(device.story.at(-1), '2 rejected release-rejected-before');
    await world.release('vibration-v2', 3);
    await world.time.advance(5_000);
    assert.equal(device.state.current, 3);
  });

  it('tries a release again that it refused for what it was itself, once that has changed', async () => {
    const rows: readonly (readonly [
      code: string,
      change: (release: ReleaseFile) => ReleaseFile,
      before: WorldDeviceOptions,
    ])[] = [
      [
        'agent-too-old',
        (r) => world.withManifest(r, { minimumAgent: [0, 1, 0] }),
        { settings: { agentVersion: [0, 0, 9] } },
      ],
      [
        'target-mismatch',
        (r) => world.withManifest(r, { target: { classes: ['pi4'], devices: undefined } }),
        { settings: { labels: {} } },
      ],
      ['budget-exceeded', (r) => r, { limits: { arenaBytes: 1024 } }],
    ];
    for (const [code, change, before] of rows) {
      const device = started(before);
      const release = change(await world.workshop.build('vibration-v1', 1));
      await world.publish(release);
      await world.time.advance(5_000);
      assert.equal(device.story.at(-1), `1 rejected ${code}`);
      device.losePower();
      const changed = started({ disk: device.disk });
      await world.time.advance(5_000);
      assert.equal(changed.state.current, 1, code);
      changed.losePower();
    }
  });

  it('forgives a manifest that somebody exchanged on the broker, once the right one is back', async () => {
    const device = await settled();
    device.losePower();
    const release = await world.release('vibration-v2', 2);
    const topic = world.topics.manifest('vibration', 2);
    world.broker.retained.set(topic, world.workshop.withDamagedManifest(release).envelope);
    const again = started({ disk: device.disk });
    await world.time.advance(5_000);
    assert.equal(again.story.at(-1), '2 rejected signature-invalid');
    again.losePower();
    world.broker.retained.set(topic, release.envelope);
    const third = started({ disk: device.disk });
    await world.time.advance(5_000);
    assert.equal(third.state.current, 2);
  });

  it('waits for a block that is not there, longer each time, and goes on when it is', async () => {
    const device = await settled();
    device.losePower();
    const release = await world.release('vibration-v2', 2);
    const topic = world.blockTopic(release, 0);
    const block = world.broker.retained.get(topic);
    assert.ok(block);
    world.broker.retained.delete(topic);
    const again = started({ disk: device.disk });
    await world.time.advance(2 * minuteMs);
    const missing = countOf(again, '2 fetching block-missing');
    // Ten seconds of patience each, and pauses of 5, 10, 20 and 40 s.
    assert.equal(missing, 4);
    world.broker.publish({ topic, payload: block, retained: true });
    await world.time.advance(2 * minuteMs);
    assert.equal(again.state.current, 2);
    assertEveryWindowAnswered(again);
  });

  it('installs a block that is published while it waits for it', async () => {
    const release = world.inManyBlocks(await world.workshop.build('vibration-v1', 1));
    await world.publish(release);
    const topic = world.blockTopic(release, 1);
    const block = world.broker.retained.get(topic);
    assert.ok(block);
    world.broker.retained.delete(topic);
    const device = started();
    await world.time.advance(5_000);
    assert.equal(device.state.phase, 'fetching');
    world.broker.publish({ topic, payload: block, retained: true });
    await world.time.advance(5_000);
    assert.equal(device.state.current, 1);
    assert.ok(!device.story.includes('1 fetching block-missing'));
  });

  it('continues a partial file after the broker was away, and fetches no block twice', async () => {
    let written = 0;
    const device = started({
      beforeOperation: (_, what) => {
        if (what.startsWith('writeAt') && ++written === 5) world.broker.stop();
        return 'go';
      },
    });
    const release = world.inManyBlocks(await world.workshop.build('vibration-v1', 1));
    const blocks = blocksOf(release);
    assert.ok(blocks > 8);
    await world.publish(release);
    await world.time.advance(5_000);
    assert.equal(device.state.phase, 'fetching');
    world.broker.start();
    await world.time.advance(minuteMs);
    assert.equal(device.state.current, 1);
    assert.equal(written, blocks);
  });

  it('continues a partial file after it lost its power, at a price of the blocks under way', async () => {
    let written = 0;
    const count = (_: number, what: string): 'go' | 'stop' =>
      what.startsWith('writeAt') && ++written === 6 ? 'stop' : 'go';
    const device = started({ beforeOperation: count });
    const release = world.inManyBlocks(await world.workshop.build('vibration-v1', 1));
    const blocks = blocksOf(release);
    await world.publish(release);
    await world.time.advance(5_000);
    device.losePower();
    const again = started({ disk: device.disk, beforeOperation: count });
    await world.time.advance(5_000);
    assert.equal(again.state.current, 1);
    assert.ok(written <= blocks + 4, `${written} writes for ${blocks} blocks`);
  });

  it('does nothing about a policy that comes again with each session', async () => {
    const device = await settled();
    const before = device.story;
    for (let i = 0; i < 3; i++) {
      world.broker.cutSessions();
      await world.time.advance(5_000);
    }
    assert.deepEqual(device.story, before);
    assertEveryWindowAnswered(device);
  });

  it('refuses a policy or a beacon of yesterday', async () => {
    const device = await settled();
    const topics = [world.topics.policy('vibration'), world.topics.beacon()];
    const old = topics.map((topic) => world.broker.retained.get(topic) ?? new Uint8Array());
    await world.release('vibration-v2', 2);
    await world.time.advance(5_000);
    for (const [i, topic] of topics.entries()) {
      world.broker.publish({ topic, payload: old[i] ?? new Uint8Array(), retained: true });
    }
    await world.time.advance(5_000);
    assert.deepEqual(device.story.slice(-2), [
      'document-refused policy-replayed',
      'document-refused beacon-replayed',
    ]);
    assert.equal(device.state.current, 2);
  });

  it('lets go of a release that is withdrawn while its blocks are missing', async () => {
    const device = await settled();
    device.losePower();
    const release = await world.release('vibration-v2', 2);
    world.broker.retained.delete(world.blockTopic(release, 0));
    const again = started({ disk: device.disk });
    await world.time.advance(3_000);
    assert.equal(again.state.phase, 'fetching');
    await world.release('vibration-v2', 3);
    // The blocks of release 3 are those of release 2: they are there again.
    await world.time.advance(5_000);
    assert.ok(again.story.includes('2 rejected offer-withdrawn'));
    assert.equal(again.state.current, 3);
    assert.equal(again.engine.loaded.size, 1);
    assertEveryWindowAnswered(again);
  });

  it('installs a release again that was withdrawn, when a later policy names it', async () => {
    const device = await settled();
    device.losePower();
    const second = await world.release('vibration-v2', 2);
    world.broker.retained.delete(world.blockTopic(second, 0));
    const again = started({ disk: device.disk });
    await world.time.advance(3_000);
    const third = world.workshop.withWrongSelfTest(await world.workshop.build('vibration-v1', 3));
    await world.publish(third);
    await world.time.advance(5_000);
    await world.publish(second);
    await world.time.advance(5_000);
    assert.equal(again.state.current, 2);
  });

  it('serves its champion on a full disk, and installs when there is room', async () => {
    const first = await settled();
    first.losePower();
    const { disk } = first;
    const filler = 'elsewhere/filler';
    const used = [...disk.files.values()].reduce((sum, { length }) => sum + length, 0);
    const storageBytes = 400_000;
    const device = started({ disk, storageBytes });
    await world.time.advance(2_000);
    disk.files.set(filler, new Uint8Array(storageBytes - 262_144 - used - 2_000));
    await world.release('vibration-v2', 2);
    await world.time.advance(8_000);
    assert.equal(device.state.code, 'storage-full');
    assert.equal(device.state.current, 1);
    disk.files.delete(filler);
    await world.time.advance(minuteMs);
    assert.equal(device.state.current, 2);
    assertEveryWindowAnswered(device);
  });

  it('makes room for a release by removing what a withdrawn one left', async () => {
    // Room for the champion and one more release, not for two.
    const release = world.inManyBlocks(await world.workshop.build('vibration-v1', 1));
    const bytes = bytesOf(release);
    const device = started({ storageBytes: 262_144 + Math.floor(2.6 * bytes) });
    await world.publish(release);
    await world.time.advance(5_000);
    assert.equal(device.state.current, 1);
    device.losePower();
    const second = world.inManyBlocks(await world.workshop.build('vibration-v2', 2));
    await world.publish(second);
    const last = Math.ceil((second.artifacts[0]?.length ?? 0) / 4096) - 1;
    world.broker.retained.delete(world.blockTopic(second, last));
    const again = started({ disk: device.disk, storageBytes: 262_144 + Math.floor(2.6 * bytes) });
    await world.time.advance(3_000);
    assert.equal(again.state.phase, 'fetching');
    await world.publish(world.inManyBlocks(await world.workshop.build('vibration-v2', 3)));
    await world.time.advance(5 * minuteMs);
    assert.equal(again.state.current, 3, again.story.join('\n'));
  });

  it('resumes a partial file on a disk that has just room enough for the rest', async () => {
    const release = world.inManyBlocks(await world.workshop.build('vibration-v1', 1));
    const bytes = bytesOf(release);
    const storageBytes = 262_144 + Math.floor(1.3 * bytes);
    await world.publish(release);
    let written = 0;
    const device = started({
      storageBytes,
      beforeOperation: (_, what) =>
        what.startsWith('writeAt') && ++written === 12 ? 'stop' : 'go',
    });
    await world.time.advance(3_000);
    device.losePower();
    const again = started({ disk: device.disk, storageBytes });
    await world.time.advance(5_000);
    assert.equal(again.state.current, 1, again.story.join('\n'));
  });

  it('says once that its beacon is stale, and serves on', async () => {
    const device = await settled();
    world.time.jumpWall(31 * 86_400_000);
    await world.time.advance(3 * minuteMs);
    assert.deepEqual(
      device.story.filter((line) => line.startsWith('beacon-stale')),
      ['beacon-stale beacon-stale'],
    );
    assertEveryWindowAnswered(device);
    await world.release('vibration-v2', 2);
    await world.time.advance(5_000);
    assert.equal(device.state.current, 2);
  });

  it('begins again from what is retained when both copies of its record are lost', async () => {
    const device = await settled();
    device.losePower();
    for (const name of ['state/a', 'state/b']) {
      device.disk.files.set(name, device.disk.files.get(name)?.with(20, 0) ?? new Uint8Array());
    }
    const again = started({ disk: device.disk });
    await world.time.advance(5_000);
    assert.ok(again.story.includes('state-lost state-lost'));
    assert.equal(again.state.current, 1);
    // Manifest and images were on disk: nothing was fetched.
    assert.ok(!again.story.includes('1 fetching'));
  });

  it('starts without its broker and answers from the first window on', async () => {
    const device = await settled();
    device.losePower();
    world.broker.stop();
    const again = started({ disk: device.disk });
    await world.time.advance(10_000);
    world.broker.start();
    await world.time.advance(5_000);
    assertEveryWindowAnswered(again);
  });

  it('falls back to the previous release where an image is damaged, and fetches the current one anew', async () => {
    const device = await settled();
    const second = await world.release('vibration-v2', 2);
    await world.time.advance(5_000);
    device.losePower();
    const [model] = second.manifest.artifacts;
    const name = `images/${Buffer.from(model?.digest ?? []).toString('hex')}`;
    device.disk.files.set(name, device.disk.files.get(name)?.with(1000, 77) ?? new Uint8Array());
    world.broker.stop();
    const again = started({ disk: device.disk });
    await world.time.advance(5_000);
    assert.equal(again.record?.current?.sequence, 1);
    assert.equal(again.engine.loaded.size, 1);
    world.broker.start();
    await world.time.advance(10_000);
    assert.equal(
      again.story.find((line) => line.includes('damaged')),
      '2 release-damaged image-damaged',
    );
    assert.equal(again.state.current, 2);
  });

  it('fetches its only release anew where its image is damaged', async () => {
    const device = await settled();
    device.losePower();
    for (const name of device.disk.files.keys()) {
      if (name.startsWith('images/')) device.disk.files.set(name, new Uint8Array(9));
    }
    const again = started({ disk: device.disk });
    await world.time.advance(10_000);
    assert.equal(again.state.current, 1);
    assert.ok(again.results.length > 0);
  });

  it('keeps the slots of a device apart, although they share files', async () => {
    const settings = {
      limits: { arenaBytes: 262_144, imageBytes: 1_048_576, periodMs: 1_000 },
      sink: { topic: undefined, encode: 'json' as const },
    };
    const slots = new Map([
      ['vibration', settings],
      ['spare', settings],
    ]);
    const device = started({ settings: { slots } });
    // Both are published before either is installed, so that their installations cross.
    const release = await world.workshop.build('vibration-v1', 1);
    await world.publish(release);
    await world.publish(world.withManifest(release, { slot: 'spare' }));
    await world.time.advance(5_000);
    for (const sequence of [2, 3]) {
      await world.release('vibration-v2', sequence);
      await world.time.advance(5_000);
    }
    assert.equal(device.state.current, 3);
    assert.equal(device.engine.loaded.size, 2);
    device.losePower();
    world.broker.stop();
    const again = started({ disk: device.disk, settings: { slots } });
    await world.time.advance(5_000);
    assert.equal(again.engine.loaded.size, 2);
    world.broker.start();
    await world.time.advance(2_000);
    assert.ok(!again.story.some((line) => line.includes('damaged')));
    assert.deepEqual(new Set(again.results.map(({ sequence }) => sequence)), new Set([1, 3]));
  });

  it('takes a release with windows of another shape, and back', async () => {
    const device = await settled();
    const second = await world.workshop.build('vibration-v2', 2);
    const { pipeline } = second.manifest;
    const overlapping = { ...pipeline, window: { ...pipeline.window, stride: 128 } };
    await world.publish(world.withManifest(second, { pipeline: overlapping }));
    await world.time.advance(10_000);
    assert.equal(device.state.current, 2);
    const before = device.results.length;
    await world.time.advance(10_000);
    assert.equal(device.results.length - before, 20);
    await world.release('vibration-v1', 3);
    await world.time.advance(10_000);
    assert.equal(device.state.current, 3);
    await assertCountsAddUp(device);
  });
});
