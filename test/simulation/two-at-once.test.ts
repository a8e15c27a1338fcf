import assert from 'node:assert/strict';
import { everyone, shortestTrial } from '../../protocol/documents/policy.js';
import { createInProcessEngine } from '../../agent/adapters/engine/in-process-engine.js';
import { sameBytes } from '../../protocol/bytes.js';
import { decodeRecord, encodeRecord } from '../../agent/core/state/record-codec.js';
import { slotOf, withSlot } from '../../agent/core/state/record.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import type { InferenceFault } from '../../simulator/ports/faulty-engine.js';
import type { StorageFault } from '../../simulator/ports/memory-storage.js';
import { assertEveryWindowAnswered } from './answers.js';
import { modelFileOf } from './disk-files.js';
import { imageName } from '../../agent/core/store/file-names.js';
import { settle } from './settle.js';
import { slot } from './world-slot.js';
import { World } from './world.js';
import type { WorldDevice } from './world-device.js';

/** Two parts of a slot want something of the same release at the same moment. */
describe('A slot of which two things are wanted at once', () => {
  let world: World;
  let device: WorldDevice;
  let first: ReleaseFile;
  let inference: (handle: number) => InferenceFault = () => 'none';
  let storage: (what: string) => StorageFault = () => 'go';

  beforeEach(async () => {
    inference = () => 'none';
    storage = () => 'go';
    world = await World.create();
    first = await world.workshop.build('vibration-v1', 1);
    device = world.startDevice({
      beforeInference: (handle) => inference(handle),
      beforeOperation: (_, what) => storage(what),
    });
    await settle(world, device, first);
  });
  afterEach(() => {
    world.end();
  });

  const told = (): string => device.story.join('\n');

  /** Calls back once, when the commit of the release on trial is about to be written. */
  const whenCommitting = (act: () => StorageFault): void => {
    storage = (what) => {
      if (what !== 'write state/a' || device.story.at(-1) !== '2 trial') return 'go';
      storage = () => 'go';
      return act();
    };
  };

  it('keeps the way back where the champion is promoted while its successor is committed', async () => {
    await world.publish(await world.workshop.build('vibration-v2', 2), {
      soakMs: 3_600_000,
      inferences: 1,
    });
    await world.time.advance(5_000);
    assert.equal(device.state.phase, 'trial', told());
    device.losePower();
    // The power failed between the version of the next policy and what it wants: nothing waits for a write then.
    await world.publishPolicy(first, { promoted: 1 });
    const topic = world.topics.policy(slot);
    const payload = world.broker.retained.get(topic) ?? new Uint8Array();
    world.broker.retained.delete(topic);
    const { files } = device.disk;
    for (const name of ['state/a', 'state/b']) {
      const copy = decodeRecord(files.get(name) ?? new Uint8Array());
      assert.ok(typeof copy === 'object');
      const { candidate, policyVersion } = slotOf(copy.record, slot);
      assert.ok(candidate);
      const record = withSlot(copy.record, slot, {
        policyVersion: policyVersion + 1,
        policyDigest: undefined,
        candidate: { ...candidate, terms: shortestTrial },
      });
      files.set(name, encodeRecord({ generation: copy.generation, record }));
    }
    let isPublished = false;
    whenCommitting(() => {
      isPublished = true;
      world.broker.publish({ topic, payload, retained: true });
      return 'go';
    });
    device = world.startDevice({
      disk: device.disk,
      beforeOperation: (_, what) => storage(what),
    });
    await world.time.advance(20_000);
    assert.ok(isPublished);
    assert.deepEqual(
      device.story.filter((line) => /committed|promoted/.test(line)),
      ['2 committed', '1 committed', '1 promoted'],
    );
    assert.equal(device.record?.current?.sequence, 1, told());
    assert.equal(device.record.sequenceFloor, 1, told());
    assert.equal(device.engine.loaded.size, 1);
  });

  it('goes back to the champion where a candidate is lost while it cannot be committed, and brings it in anew', async () => {
    const second = await world.workshop.build('vibration-v2', 2);
    whenCommitting(() => {
      const { size } = device.engine.loaded;
      assert.equal(size, 2);
      const candidate = Math.max(...device.engine.loaded);
      inference = (handle) => (handle === candidate ? 'engine-trapped' : 'none');
      device.disk.files.set(modelFileOf(second), new Uint8Array(9));
      return 'fail';
    });
    await world.publish(second);
    await world.time.advance(60_000);
    assert.equal(device.record?.current?.sequence, 2, told());
    assert.ok(device.story.includes('2 release-damaged image-damaged'), told());
    assertEveryWindowAnswered(device);
    assert.equal(device.engine.loaded.size, 1);
  });

  it('takes another desire that came while a commit was failing, although the trial fails afterwards', async () => {
    let againMs = Infinity;
    whenCommitting(() => {
      // After five seconds it is on trial again, until the next commit.
      againMs = world.time.monotonicMs() + 5_000;
      return 'fail';
    });
    await world.release('vibration-v2', 2);
    await world.time.advance(3_000);
    const candidate = Math.max(...device.engine.loaded);
    await world.publish(await world.workshop.buildUnseen('vibration-v1', 3));
    inference = (handle) =>
      handle === candidate && world.time.monotonicMs() >= againMs ? 'engine-trapped' : 'none';
    await world.time.advance(30_000);
    assert.equal(device.record?.current?.sequence, 3, told());
    assertEveryWindowAnswered(device);
    assert.equal(device.engine.loaded.size, 1);
  });

  it('gives the place of a challenger to the next one where the first fails while it is withdrawn', async () => {
    const challengers = [
      await world.workshop.buildUnseen('vibration-v2', 2),
      await world.workshop.buildUnseen('vibration-v2', 3),
    ] as const;
    const shadow = { windows: 20, budgetPermille: 1_000 };
    const compare = async (release: ReleaseFile): Promise<void> => {
      await world.publishPolicy(first, { arms: [{ release, exposure: everyone, shadow }] });
    };
    for (const release of challengers) await world.publishContent(release);
    await compare(challengers[0]);
    await world.time.advance(1_500);
    assert.equal(device.state.phase, 'shadow', told());
    const challenger = Math.max(...device.engine.loaded);
    inference = (handle) => (handle === challenger ? { slowMs: 5_000 } : 'none');
    // Its answer is under way when the policy comes, and fails while the record is written.
    await world.time.advance(1_000);
    let writes = 0;
    storage = (what) => {
      const isWithdrawal = what === 'write state/a' && ++writes === 2;
      if (isWithdrawal) void device.engine.unload(challenger);
      return 'go';
    };
    await compare(challengers[1]);
    assert.ok(writes >= 2);
    inference = () => 'none';
    await world.time.advance(60_000);
    assert.equal(device.state.release, 3, told());
    assert.ok(device.story.includes('3 shadow-finished'), told());
    assert.ok(device.story.includes('2 rejected offer-withdrawn'), told());
    assertEveryWindowAnswered(device);
    assert.equal(device.engine.loaded.size, 1);
  });

  describe('with a device that takes its time to load models', () => {
    /** How long a load of so many bytes takes; a test exchanges it. */
    let loadMs: (model: Uint8Array) => number = () => 0;
    const isModelOf = (release: ReleaseFile, model: Uint8Array): boolean =>
      sameBytes(release.artifacts[0] ?? new Uint8Array(), model);

    beforeEach(async () => {
      loadMs = () => 0;
      device.losePower();
      const engine = createInProcessEngine(world.core);
      const scheduler = world.time.createScheduler();
      device = world.startDevice({
        disk: device.disk,
        beforeInference: (handle) => inference(handle),
        beforeOperation: (_, what) => storage(what),
        engine: {
          ...engine,
          load: async (handle, bytes, limits) => {
            const delayMs = loadMs(bytes);
            if (delayMs > 0) await new Promise<void>((go) => scheduler.after(delayMs, go));
            return engine.load(handle, bytes, limits);
          },
        },
      });
      await world.time.advance(2_000);
      assertEveryWindowAnswered(device);
    });

    /** Once the release on trial is late, and the champion traps in its place. */
    const lateThenTrapped = (): void => {
      const [champion = 0, candidate = 0] = [...device.engine.loaded].toSorted((a, b) => a - b);
      let late = 1;
      let trapped = 1;
      inference = (handle) => {
        if (handle === candidate && late-- > 0) return 'engine-deadline';
        return handle === champion && trapped-- > 0 ? 'engine-trapped' : 'none';
      };
    };

    it('keeps no second instance of it where its successor is crowned while it is loaded anew', async () => {
      await world.publish(await world.workshop.build('vibration-v2', 2), {
        soakMs: 4_000,
        inferences: 1,
      });
      await world.time.advance(2_500);
      assert.equal(device.results.at(-1)?.sequence, 2, told());
      loadMs = (model) => (isModelOf(first, model) ? 5_000 : 0);
      lateThenTrapped();
      await world.time.advance(30_000);
      assert.equal(device.record?.current?.sequence, 2, told());
      assert.ok(device.story.includes('1 inference-failed engine-trapped'), told());
      assert.equal(device.engine.loaded.size, 1, told());
      assertEveryWindowAnswered(device);
    });

    it('demands what the newest policy demands of a release whose instances are made anew', async () => {
      const second = await world.workshop.build('vibration-v2', 2);
      await world.publish(second, { soakMs: 4_000, inferences: 1 });
      await world.time.advance(2_500);
      lateThenTrapped();
      await world.time.advance(1_000);
      await world.publishPolicy(second, { trial: { soakMs: 20_000, inferences: 1 } });
      await world.time.advance(10_000);
      assert.equal(device.record?.current?.sequence, 1, told());
      assert.deepEqual(device.record.candidate?.terms, { soakMs: 20_000, inferences: 1 });
      await world.time.advance(15_000);
      assert.equal(device.record?.current?.sequence, 2, told());
      assert.equal(device.engine.loaded.size, 1, told());
      assertEveryWindowAnswered(device);
    });

    /** A release whose commit fails, and which traps while it waits for the next one; its load takes long then. */
    const trapWhileCommitFails = async (loadsAgain: boolean): Promise<ReleaseFile> => {
      const second = await world.workshop.build('vibration-v2', 2);
      whenCommitting(() => {
        const candidate = Math.max(...device.engine.loaded);
        inference = (handle) => (handle === candidate ? 'engine-trapped' : 'none');
        loadMs = (model) => (isModelOf(second, model) ? 5_500 : 0);
        // Labels are read after the model is loaded.
        const labels = second.manifest.artifacts.find(({ role }) => role === 'labels');
        if (!loadsAgain && labels !== undefined) {
          device.disk.files.set(imageName(labels.digest), new Uint8Array(9));
        }
        return 'fail';
      });
      await world.publish(second);
      await world.time.advance(4_000);
      assert.ok(device.story.includes('2 inference-failed engine-trapped'), told());
      return second;
    };

    it('brings a release in anew whose models are lost only after its commit has failed', async () => {
      await trapWhileCommitFails(false);
      loadMs = () => 0;
      await world.time.advance(60_000);
      assert.equal(device.record?.current?.sequence, 2, told());
      assert.equal(device.engine.loaded.size, 1, told());
      assertEveryWindowAnswered(device);
    });

    it('keeps no instance of a release that is withdrawn while it is loaded anew after a failed commit', async () => {
      await trapWhileCommitFails(true);
      await world.publishPolicy(first);
      await world.time.advance(60_000);
      assert.equal(device.record?.current?.sequence, 1, told());
      assert.equal(device.record.candidate, undefined);
      assert.equal(device.engine.loaded.size, 1, told());
      assertEveryWindowAnswered(device);
    });
  });

  it('takes another desire that came while an adoption was failing', async () => {
    let failing = false;
    storage = (what) => {
      if (what !== 'write state/a' || !device.story.includes('5 offered')) return 'go';
      failing = true;
      return 'fail';
    };
    await world.publish(world.withManifest(first, { sequence: 5 }));
    await world.time.advance(1_000);
    assert.ok(failing);
    assert.equal(device.story.at(-1), '5 fetching storage-failed', told());
    storage = () => 'go';
    await world.publish(await world.workshop.build('vibration-v2', 6));
    await world.time.advance(10_000);
    assert.equal(device.record?.current?.sequence, 6, told());
    assertEveryWindowAnswered(device);
    assert.equal(device.engine.loaded.size, 1);
  });
});
