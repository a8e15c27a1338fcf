import assert from 'node:assert/strict';
import { codes } from '../../protocol/codes.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import type { InferenceFault } from '../../simulator/ports/faulty-engine.js';
import type { StorageFault } from '../../simulator/ports/memory-storage.js';
import { assertEveryWindowAnswered } from './answers.js';
import { filesIn, modelFileOf } from './disk-files.js';
import { settle } from './settle.js';
import { World } from './world.js';
import type { WorldDevice, WorldDeviceOptions } from './world-device.js';

/** Faults of the engine and of the storage at the worst moments. */
describe('A slot under faults', () => {
  let world: World;
  let device: WorldDevice;
  let first: ReleaseFile;
  /** What becomes of the next inferences and storage operations; a test exchanges them. */
  let inference: (handle: number) => InferenceFault = () => 'none';
  let storage: (what: string) => StorageFault = () => 'go';

  const start = (options: WorldDeviceOptions = {}): WorldDevice =>
    world.startDevice({
      beforeInference: (handle) => inference(handle),
      beforeOperation: (_, what) => storage(what),
      ...options,
    });

  beforeEach(async () => {
    inference = () => 'none';
    storage = () => 'go';
    world = await World.create();
    first = await world.workshop.build('vibration-v1', 1);
    device = await settle(world, start(), first);
  });
  afterEach(() => {
    world.end();
  });

  /** The one instance that a slot holds when nothing is under way. */
  const assertOneInstance = (): void => {
    assert.equal(device.engine.loaded.size, 1, `loaded: ${[...device.engine.loaded].join(' ')}`);
  };

  /** Lets every inference after the self-test of each instance end like this. */
  const afterSelfTest = (fault: InferenceFault): ((handle: number) => InferenceFault) => {
    const inferences = new Map<number, number>();
    return (handle) => {
      const count = (inferences.get(handle) ?? 0) + 1;
      inferences.set(handle, count);
      // A self-test has four vectors.
      return count > 4 ? fault : 'none';
    };
  };

  /** The same, but not of the champion's. */
  const failingTrials = (fault: InferenceFault): ((handle: number) => InferenceFault) => {
    const champion = Math.max(...device.engine.loaded);
    const failing = afterSelfTest(fault);
    return (handle) => (handle > champion ? failing(handle) : 'none');
  };

  it('rolls a release back whose first inference traps, and the champion answers that window', async () => {
    inference = failingTrials('engine-trapped');
    await world.release('vibration-v2', 2);
    await world.time.advance(10_000);
    assert.equal(device.story.at(-1), '2 rolled-back engine-trapped');
    const { reason, remedy, ...state } = device.state;
    const code = 'engine-trapped';
    assert.deepEqual(state, { current: 1, phase: 'rolled-back', release: 2, code });
    assert.equal(reason, 'a fault of the simulation');
    assert.equal(remedy, codes[code].remedy);
    assertEveryWindowAnswered(device);
    assertOneInstance();
  });

  it('does not try a release again that it rolled back', async () => {
    inference = failingTrials('engine-trapped');
    await world.release('vibration-v2', 2);
    await world.time.advance(5_000);
    device.losePower();
    inference = () => 'none';
    const again = start({ disk: device.disk });
    await world.time.advance(5_000);
    assert.equal(again.story.at(-1), '2 rejected release-rejected-before');
  });

  it('loads its champion anew after a trap, and answers the window with it', async () => {
    let traps = 2;
    inference = () => (traps-- > 0 ? 'engine-trapped' : 'none');
    // The second time is told a minute later.
    await world.time.advance(70_000);
    assert.deepEqual(
      device.story.filter((line) => line.includes('failed')),
      ['1 inference-failed engine-trapped', '1 inference-failed engine-trapped'],
    );
    assertEveryWindowAnswered(device);
    assertOneInstance();
  });

  it('drops and reports the windows that a champion cannot answer however often it is loaded', async () => {
    inference = () => 'engine-trapped';
    await world.time.advance(2_000);
    inference = () => 'none';
    await world.time.advance(63_000);
    const [windows, answers, dropped] = ['windows', 'answers', 'windows-dropped'].map((name) =>
      device.counted(name),
    );
    assert.equal(dropped, 2);
    assert.equal(windows, (answers ?? 0) + 2);
    assert.equal(device.story.filter((line) => line.startsWith('window-dropped')).length, 2);
    assertOneInstance();
  });

  it('falls back to its previous release where the champion has trapped and its image is damaged', async () => {
    const second = await world.release('vibration-v2', 2);
    await world.time.advance(5_000);
    assert.equal(device.state.current, 2);
    const record = device.record;
    device.disk.files.set(modelFileOf(second), new Uint8Array(100));
    assert.equal(record?.previous?.sequence, 1);
    let traps = 1;
    inference = () => (traps-- > 0 ? 'engine-trapped' : 'none');
    await world.time.advance(2_000);
    assertEveryWindowAnswered(device);
    // What the policy names is fetched again.
    await world.time.advance(10_000);
    assert.equal(device.state.current, 2);
    assertEveryWindowAnswered(device);
    assertOneInstance();
  });

  it('keeps the candidate on trial where the champion traps in the inference during which it was replaced', async () => {
    // Slow inferences, so that the switch comes in the middle of one.
    const champion = Math.max(...device.engine.loaded);
    let failed = false;
    inference = (handle) => {
      if (handle !== champion || failed) return 'none';
      failed = true;
      return { slowMs: 900, then: 'engine-trapped' };
    };
    const release = await world.workshop.build('vibration-v2', 2);
    await world.time.advance(1_050);
    await world.publish(release);
    await world.time.advance(10_000);
    assert.ok(device.story.includes('1 inference-failed engine-trapped'));
    assert.equal(device.state.current, 2, device.story.join('\n'));
    assertEveryWindowAnswered(device);
    assertOneInstance();
  });

  it('serves the champion where a release is withdrawn in the middle of its first inference', async () => {
    const champion = Math.max(...device.engine.loaded);
    const slow = afterSelfTest({ slowMs: 3_000 });
    inference = (handle) => (handle === champion + 1 ? slow(handle) : 'none');
    await world.release('vibration-v2', 2);
    await world.time.advance(1_500);
    assert.equal(device.state.phase, 'trial');
    const wrong = world.workshop.withWrongSelfTest(await world.workshop.build('vibration-v1', 3));
    await world.publish(wrong);
    await world.time.advance(10_000);
    assert.ok(device.story.includes('2 rolled-back offer-withdrawn'), device.story.join('\n'));
    assert.equal(device.story.at(-1), '3 rejected self-test-mismatch');
    assert.equal(device.state.current, 1);
    assert.equal(device.results.at(-1)?.sequence, 1);
    assertEveryWindowAnswered(device);
    assertOneInstance();
  });

  it('leaves no instance behind of a release that is withdrawn in the middle of its self-test', async () => {
    const champion = Math.max(...device.engine.loaded);
    inference = (handle) => (handle === champion + 1 ? { slowMs: 3_000 } : 'none');
    await world.release('vibration-v2', 2);
    await world.time.advance(500);
    await world.release('vibration-v2', 3);
    await world.time.advance(10_000);
    assert.equal(device.state.current, 3);
    assertOneInstance();
    assertEveryWindowAnswered(device);
  });

  it('counts starts that end in a trial, and gives the release up after three', async () => {
    // The first inference after the self-test never ends, as when it takes the process with it.
    const hanging = { slowMs: 1e9 };
    inference = failingTrials(hanging);
    await world.release('vibration-v2', 2);
    await world.time.advance(2_000);
    for (let start_ = 2; start_ <= 3; start_++) {
      assert.equal(device.record?.candidate?.phase, 'trial');
      device.losePower();
      inference = afterSelfTest(hanging);
      device = start({ disk: device.disk });
      await world.time.advance(2_000);
    }
    device.losePower();
    inference = () => 'none';
    device = start({ disk: device.disk });
    await world.time.advance(3_000);
    assert.ok(
      device.story.includes('2 rolled-back trial-attempts-exceeded'),
      device.story.join('\n'),
    );
    assert.equal(device.state.current, 1);
    assertEveryWindowAnswered(device);
  });

  it('commits a release later where the record cannot be written at first, and answers meanwhile', async () => {
    let failing = false;
    storage = (what) => {
      if (what.startsWith('write state/') && device.state.phase === 'trial') failing = true;
      return failing && what.startsWith('write state/') ? 'fail' : 'go';
    };
    await world.release('vibration-v2', 2);
    await world.time.advance(8_000);
    assert.ok(device.story.includes('2 state-not-saved storage-failed'), device.story.join('\n'));
    assert.equal(device.record?.current?.sequence, 1);
    storage = () => 'go';
    await world.time.advance(10_000);
    assert.equal(device.state.current, 2);
    assertEveryWindowAnswered(device);
    assertOneInstance();
  });

  it('serves and installs on a disk whose record cannot be written, as far as it may', async () => {
    device.losePower();
    storage = (what) => (what.startsWith('write state/') ? 'fail' : 'go');
    device = start({ disk: device.disk });
    await world.release('vibration-v2', 2);
    await world.time.advance(10_000);
    assert.ok(device.story.includes('state-not-saved storage-failed'));
    assertEveryWindowAnswered(device);
    assert.equal(device.results.at(-1)?.sequence, 1);
    storage = () => 'go';
    device.losePower();
    device = start({ disk: device.disk });
    await world.time.advance(10_000);
    assert.equal(device.state.current, 2);
  });

  for (const [what, isWanted] of [
    ['record', (operation: string) => operation.startsWith('read state/')],
    ['manifest', (operation: string) => operation.startsWith('read manifests/')],
    ['model', (operation: string) => operation.startsWith('read images/')],
  ] as const) {
    it(`does not take its ${what} for lost where reading fails for a moment at the start`, async () => {
      await world.release('vibration-v2', 2);
      await world.time.advance(5_000);
      const before = device.record;
      device.losePower();
      world.broker.stop();
      let failures = 3;
      storage = (operation) => (isWanted(operation) && failures-- > 0 ? 'fail' : 'go');
      device = start({ disk: device.disk });
      await world.time.advance(10_000);
      assert.deepEqual(device.record, before);
      world.broker.start();
      await world.time.advance(5_000);
      assert.ok(!device.story.includes('state-lost state-lost'));
      assert.equal(device.results[0]?.sequence, 2);
      assertEveryWindowAnswered(device);
    });
  }

  it('takes another desire that came while a commit was failing', async () => {
    let failing = false;
    storage = (what) => {
      if (what === 'write state/a' && device.state.phase === 'trial') failing = true;
      return failing && what === 'write state/a' ? 'fail' : 'go';
    };
    await world.release('vibration-v2', 2);
    await world.time.advance(3_000);
    assert.ok(failing);
    storage = () => 'go';
    await world.release('vibration-v1', 3);
    await world.time.advance(15_000);
    assert.equal(device.state.current, 3, device.story.join('\n'));
    assertEveryWindowAnswered(device);
    assertOneInstance();
  });

  it('serves a champion from its previous release even where it cannot write down that it does', async () => {
    const second = await world.release('vibration-v2', 2);
    await world.time.advance(5_000);
    device.losePower();
    device.disk.files.set(modelFileOf(second), new Uint8Array(9));
    world.broker.stop();
    storage = (what) => (what.startsWith('write ') ? 'fail' : 'go');
    device = start({ disk: device.disk });
    await world.time.advance(5_000);
    assertOneInstance();
    world.broker.start();
    await world.time.advance(2_000);
    assert.equal(device.results[0]?.sequence, 1);
  });

  it('removes nothing that was committed while a slow disk was read to find out what is needed', async () => {
    const reading = `read manifests/${device.record?.current?.manifest}`;
    let failures = 2;
    storage = (what) => (what === reading && failures-- > 0 ? 'fail' : 'go');
    // A policy that wants nothing new lets the device tidy up; a later number of the running image is adopted at once.
    await world.publishPolicy(first);
    await world.publish(world.withManifest(first, { sequence: 7 }));
    await world.time.advance(500);
    assert.equal(device.record?.current?.sequence, 7);
    assert.equal(failures, 1);
    await world.time.advance(5_000);
    assert.ok(
      filesIn(device.disk, 'manifests').includes(`manifests/${device.record.current.manifest}`),
    );
  });

  it('removes nothing while its disk does not tell what is needed', async () => {
    const images = filesIn(device.disk, 'images');
    const reading = `read manifests/${device.record?.current?.manifest}`;
    storage = (what) => (what === reading ? 'fail' : 'go');
    await world.publishPolicy(first);
    await world.time.advance(20_000);
    storage = () => 'go';
    assert.deepEqual(filesIn(device.disk, 'images'), images);
  });

  it('answers the windows that are complete before it says goodbye', async () => {
    inference = () => ({ slowMs: 700 });
    await world.time.advance(1_050);
    assert.equal(device.results.length, device.bursts - 1);
    await device.stop();
    assertEveryWindowAnswered(device);
    const presence = world.heard('presence', device.deviceId).at(-1) as {
      readonly online: boolean;
    };
    assert.equal(presence.online, false);
  });

  it('comes to its end in time although an inference never does', async () => {
    inference = () => ({ slowMs: 1e9 });
    await world.time.advance(1_050);
    const beforeMs = world.time.monotonicMs();
    await device.stop();
    assert.ok(world.time.monotonicMs() - beforeMs <= 1_100);
    assert.equal(device.engine.loaded.size, 0);
  });

  it('ends in the middle of an installation, and goes on with it at the next start', async () => {
    const release = world.inManyBlocks(await world.workshop.build('vibration-v2', 2));
    await world.publish(release);
    await device.stop();
    device = start({ disk: device.disk });
    await world.time.advance(5_000);
    assert.equal(device.state.current, 2);
  });

  it('takes a release with another window although its champion cannot keep up', async () => {
    const champion = Math.max(...device.engine.loaded);
    inference = (handle) => (handle === champion ? { slowMs: 1_500 } : 'none');
    await world.time.advance(20_000);
    const second = await world.workshop.build('vibration-v2', 2);
    const { pipeline } = second.manifest;
    await world.publish(
      world.withManifest(second, {
        pipeline: { ...pipeline, window: { ...pipeline.window, stride: 512 } },
      }),
    );
    await world.time.advance(60_000);
    assert.equal(device.state.current, 2, device.story.slice(9).join('\n'));
  });
});
