import assert from 'node:assert/strict';
import { imageName } from '../../agent/core/store/file-names.js';
import type { Code } from '../../protocol/codes.js';
import { encodeReleaseFile, type ReleaseFile } from '../../protocol/documents/release-file.js';
import type { StorageFault } from '../../simulator/ports/memory-storage.js';
import { assertEveryWindowAnswered } from './answers.js';
import { filesIn, modelFileOf } from './disk-files.js';
import { settle } from './settle.js';
import { World } from './world.js';
import type { WorldDevice, WorldDeviceOptions } from './world-device.js';

const minuteMs = 60_000;

/** The last resort of a slot, on the device's own disk. */
describe('A factory release', () => {
  let world: World;
  let built: ReleaseFile;
  let second: ReleaseFile;
  /** What the file holds at this moment. */
  let file: Uint8Array | undefined;
  let storage: (what: string) => StorageFault = () => 'go';

  const bytesOf = ({ envelope, artifacts }: ReleaseFile): Uint8Array =>
    encodeReleaseFile(envelope, artifacts);
  const start = (options: WorldDeviceOptions = {}): WorldDevice =>
    world.startDevice({
      factory: () => file,
      beforeOperation: (_, what) => storage(what),
      ...options,
    });

  beforeEach(async () => {
    storage = () => 'go';
    world = await World.create();
    built = await world.workshop.build('vibration-v1', 1);
    file = bytesOf(built);
  });
  afterEach(() => {
    world.end();
  });

  const isServing = (device: WorldDevice, sequence: number): boolean =>
    device.results.at(-1)?.sequence === sequence;

  /** A device that runs release 2 after release 1, and is switched off with its broker away. */
  const installed = async (promoted?: number): Promise<WorldDevice> => {
    const device = await settle(world, start(), built);
    second = await world.release('vibration-v2', 2);
    await world.time.advance(5_000);
    if (promoted !== undefined) await world.publishPolicy(second, { promoted });
    await world.time.advance(5_000);
    assert.equal(device.state.current, 2);
    device.losePower();
    world.broker.stop();
    return device;
  };

  const damageBoth = (device: WorldDevice): void => {
    for (const name of filesIn(device.disk, 'manifests')) {
      device.disk.files.set(name, new Uint8Array(9));
    }
  };

  it('serves on a device that has never heard of any, and says so', async () => {
    world.broker.stop();
    const device = start();
    await world.time.advance(10_000);
    world.broker.start();
    await world.time.advance(2_000);
    assert.ok(isServing(device, 1));
    assertEveryWindowAnswered(device);
    assert.deepEqual(device.state, { factory: 1 });
    assert.equal(device.story[0], '1 factory-serving factory-serving');
    assert.equal(device.record?.current, undefined);
    assert.deepEqual(filesIn(device.disk, 'images'), []);
  });

  it('gives way to the release of the policy, which is brought in whole although it has the same image', async () => {
    const device = start();
    await world.time.advance(3_000);
    const named = world.withManifest(built, { sequence: 3 });
    await world.publish(named);
    await world.time.advance(10_000);
    assert.deepEqual(device.state, { current: 3, phase: 'committed', release: 3 });
    assert.ok(isServing(device, 3));
    assert.ok(device.disk.files.has(modelFileOf(named)));
    assert.equal(device.engine.loaded.size, 1);
    assertEveryWindowAnswered(device);
    device.losePower();
    const again = start({ disk: device.disk });
    await world.time.advance(5_000);
    assert.ok(isServing(again, 3));
  });

  it('serves where the current and the previous release are damaged, until they are fetched again', async () => {
    const device = await installed(2);
    file = bytesOf(world.withManifest(built, { sequence: 5 }));
    damageBoth(device);
    const again = start({ disk: device.disk });
    await world.time.advance(10_000);
    world.broker.start();
    await world.time.advance(minuteMs);
    const sequences = again.results.map(({ sequence }) => sequence);
    assert.deepEqual([...new Set(sequences)], [5, 2]);
    assert.equal(again.record?.current?.sequence, 2);
    assert.equal(again.record.sequenceFloor, 2);
    assert.equal(again.state.factory, undefined);
    assert.equal(again.engine.loaded.size, 1);
    assertEveryWindowAnswered(again);
  });

  it('serves where one file that both releases share is damaged, and that file is fetched again', async () => {
    const device = await installed();
    const names = (sequence: 1 | 2): readonly string[] =>
      (sequence === 1 ? built : second).manifest.artifacts.map(({ digest }) => imageName(digest));
    const shared = names(1).find((name) => names(2).includes(name));
    assert.ok(shared !== undefined);
    device.disk.files.set(shared, new Uint8Array(9));
    const again = start({ disk: device.disk });
    await world.time.advance(10_000);
    world.broker.start();
    await world.time.advance(minuteMs);
    assert.deepEqual([...new Set(again.results.map(({ sequence }) => sequence))], [1, 2]);
    assert.equal(again.state.current, 2);
    assertEveryWindowAnswered(again);
  });

  it('serves after the record was lost', async () => {
    const device = await installed();
    for (const name of ['state/a', 'state/b']) device.disk.files.set(name, new Uint8Array(9));
    const again = start({ disk: device.disk });
    await world.time.advance(10_000);
    world.broker.start();
    await world.time.advance(2_000);
    assert.equal(again.results[0]?.sequence, 1);
    assert.ok(again.story.includes('state-lost state-lost'));
  });

  it('stands in for a release that cannot be read now, and leaves it on record', async () => {
    const device = await installed();
    const { record } = device;
    storage = (what) => (what.startsWith('read manifests/') ? 'fail' : 'go');
    const again = start({ disk: device.disk });
    await world.time.advance(5 * minuteMs);
    storage = () => 'go';
    await world.time.advance(45_000);
    assert.deepEqual(again.record, record);
    assert.equal(again.engine.loaded.size, 1);
    world.broker.start();
    await world.time.advance(2_000);
    assert.ok(isServing(again, 2));
    assert.equal(again.state.factory, undefined);
  });

  it('does not serve below the floor, whatever else there is', async () => {
    const device = await installed(2);
    damageBoth(device);
    const again = start({ disk: device.disk });
    await world.time.advance(minuteMs);
    assert.equal(again.engine.loaded.size, 0);
    // It never speaks for what was promoted, neither then nor with its broker.
    world.broker.start();
    await world.time.advance(minuteMs);
    assert.ok(again.story.includes('factory-refused sequence-below-floor'));
    assert.equal(again.results[0]?.sequence, 2);
    assert.equal(again.record?.sequenceFloor, 2);
  });

  const rows: readonly (readonly [
    Code,
    string,
    () => Uint8Array | undefined | Promise<Uint8Array>,
  ])[] = [
    ['file-unreadable', 'a file that is not there', () => undefined],
    ['release-file-invalid', 'an empty file', () => new Uint8Array()],
    ['release-file-invalid', 'half a file', () => bytesOf(built).subarray(0, 900)],
    [
      'release-file-invalid',
      'a changed byte in its model',
      () => {
        const { envelope, artifacts } = built;
        const changed = artifacts.map((bytes) => bytes.with(40, (bytes[40] ?? 0) ^ 1));
        return encodeReleaseFile(envelope, changed);
      },
    ],
    [
      'key-unknown',
      'the signature of a stranger',
      () => bytesOf(world.workshop.signedByStranger(built)),
    ],
    [
      'signature-invalid',
      'a changed byte in its manifest',
      () => {
        const { envelope, artifacts } = built;
        const at = envelope.length - 1;
        return encodeReleaseFile(envelope.with(at, (envelope[at] ?? 0) ^ 1), artifacts);
      },
    ],
    [
      'manifest-misplaced',
      'the release of another slot',
      () => bytesOf(world.withManifest(built, { slot: 'other' })),
    ],
    [
      'budget-exceeded',
      'a release that wants too much',
      () =>
        bytesOf(
          world.withManifest(built, {
            budget: { ...built.manifest.budget, arenaBytes: 1_000_000_000 },
          }),
        ),
    ],
    [
      'target-mismatch',
      'a release for other devices',
      () =>
        bytesOf(
          world.withManifest(built, { target: { devices: ['another'], classes: undefined } }),
        ),
    ],
    [
      'self-test-mismatch',
      'golden vectors that do not come out',
      () => bytesOf(world.workshop.withWrongSelfTest(built)),
    ],
  ];
  for (const [code, what, make] of rows) {
    it(`does not serve with ${what} (${code}), and does when its owner puts it right`, async () => {
      file = await make();
      const device = start();
      await world.time.advance(2 * minuteMs);
      assert.equal(device.engine.loaded.size, 0);
      assert.deepEqual(device.story, [`factory-refused ${code}`, 'beacon-missing']);
      assert.deepEqual(device.results, []);
      file = bytesOf(built);
      await world.time.advance(minuteMs);
      assert.ok(isServing(device, 1));
      assert.deepEqual(device.state, { factory: 1 });
    });
  }

  it('is reported where it could not serve, before it has to, and does not disturb what serves', async () => {
    file = new Uint8Array(7);
    const device = await settle(world, start(), built);
    assert.ok(device.story.includes('factory-refused release-file-invalid'));
    assert.ok(isServing(device, 1));
  });
});
