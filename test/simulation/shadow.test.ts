import assert from 'node:assert/strict';
import { toHex } from '../../protocol/bytes.js';
import { isExposed, experimentName } from '../../protocol/assignment/bucket.js';
import type { PairReport, ReleaseReport, ReportMessage } from '../../protocol/messages/report.js';
import { buildRelease } from '../../operator/release/build-release.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import type { InferenceFault } from '../../simulator/ports/faulty-engine.js';
import type { StorageFault } from '../../simulator/ports/memory-storage.js';
import { u8 } from '../helpers/flat-buffer.js';
import { operatorCodes, tensorTypes, writeModelFile } from '../helpers/model-file.js';
import { assertChampionUnmoved } from './answers.js';
import { settle } from './settle.js';
import { storyOf } from './story.js';
import { World } from './world.js';
import type { WorldDevice, WorldDeviceOptions } from './world-device.js';

const minuteMs = 60_000;
const labelsTopic = 'factory/press-7/truth';

/** Counts over releases, or pairs of them. */
const total = <K extends string>(rows: readonly Readonly<Record<K, number>>[], name: K): number =>
  rows.reduce((sum, row) => sum + row[name], 0);
const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);

describe('A challenger in the shadow', () => {
  let world: World;
  let first: ReleaseFile;
  let second: ReleaseFile;
  /** What becomes of the next inferences and storage operations; a test exchanges them. */
  let inference: (handle: number) => InferenceFault = () => 'none';
  let storage: (what: string) => StorageFault = () => 'go';

  const started = (options: WorldDeviceOptions = {}): WorldDevice =>
    world.startDevice({
      labelsTopic,
      beforeInference: (handle) => inference(handle),
      beforeOperation: (_, what) => storage(what),
      ...options,
    });

  /** A device that runs v1 as release 1. */
  const settled = (options?: WorldDeviceOptions): Promise<WorldDevice> =>
    settle(world, started(options), first);

  /** Lets everyone compare release 2 with release 1. */
  const shadowEverywhere = async (windows: number, budgetPermille = 1000): Promise<void> => {
    await world.publishContent(second);
    await world.publishPolicy(first, {
      arms: [{ release: second, shadow: { windows, budgetPermille } }],
    });
  };

  beforeEach(async () => {
    inference = () => 'none';
    storage = () => 'go';
    world = await World.create();
    first = await world.workshop.build('vibration-v1', 1);
    second = await world.workshop.build('vibration-v2', 2);
  });
  afterEach(() => {
    world.end();
  });

  const releasesOf = (
    reports: readonly ReportMessage[],
    mode: ReleaseReport['mode'],
  ): readonly ReleaseReport[] =>
    reports.flatMap(({ releases }) => releases.filter((each) => each.mode === mode));
  const pairsOf = (reports: readonly ReportMessage[]): readonly PairReport[] =>
    reports.flatMap(({ pairs }) => pairs);

  it('answers the windows of the champion in its own instance, and rests after so many as the policy wants', async () => {
    const device = await settled();
    const [champion] = device.engine.loaded;
    await shadowEverywhere(20);
    await world.time.advance(10_000);
    const { current, candidate, phase, release } = device.state;
    assert.deepEqual([current, candidate, phase, release], [1, 2, 'shadow', 2]);
    assert.equal(device.engine.loaded.size, 2);
    await world.time.advance(20_000);
    assert.deepEqual(storyOf(device, 2), [
      '2 offered',
      '2 admitted',
      '2 fetching',
      '2 verified',
      '2 self-tested',
      '2 staged',
      '2 shadow',
      '2 shadow-finished',
    ]);
    assert.deepEqual([...device.engine.loaded], [champion]);
    assert.equal(total(pairsOf(device.totals), 'windows'), 20);
    assertChampionUnmoved(device);
    // Its files wait for the verdict.
    assert.equal(device.record?.candidate?.sequence, 2);
  });

  it('is counted in reports with all since the start: at telemetry, and at its end', async () => {
    const device = await settled();
    await shadowEverywhere(150);
    await world.time.advance(5 * minuteMs);
    await device.stop();
    const { reports, results } = device;
    assert.ok(reports.length >= 5);
    assert.deepEqual(
      reports.map(({ window, boot, slot }) => ({ window, boot, slot })),
      reports.map((_, i) => ({ window: i + 1, boot: 1, slot: 'vibration' })),
    );
    const served = releasesOf(device.totals, 'served');
    assert.deepEqual(new Set(served.map(({ release }) => release)), new Set([1]));
    assert.equal(total(served, 'windows'), results.length);
    const shadowed = releasesOf(device.totals, 'shadow');
    assert.equal(total(shadowed, 'windows'), 150);
    assert.equal(total(shadowed, 'failures') + total(shadowed, 'late'), 0);
    const pairs = pairsOf(device.totals);
    assert.equal(total(pairs, 'windows'), 150);
    for (const { windows, agreements, confusion } of pairs) {
      assert.equal(sum(confusion), windows);
      const classes = Math.sqrt(confusion.length);
      assert.equal(sum(confusion.filter((_, at) => at % (classes + 1) === 0)), agreements);
    }
    for (const { windows, classes, confidence, latency } of [...served, ...shadowed]) {
      assert.equal(sum(classes), windows);
      assert.equal(sum(confidence), windows);
      assert.equal(sum(Object.values(latency)), windows);
    }
  });

  it('moves nothing of the champion’s where it traps, and is not tried again', async () => {
    const device = await settled();
    const champion = Math.max(...device.engine.loaded);
    await shadowEverywhere(100);
    await world.time.advance(10_000);
    inference = (handle) => (handle > champion ? 'engine-trapped' : 'none');
    await world.time.advance(10_000);
    assert.equal(storyOf(device, 2).at(-1), '2 rejected engine-trapped');
    assert.equal(device.record?.candidate, undefined);
    assert.deepEqual([...device.engine.loaded], [champion]);
    assertChampionUnmoved(device);
    assert.equal(total(releasesOf(device.totals, 'shadow'), 'failures'), 1);
    inference = () => 'none';
    await shadowEverywhere(100);
    await world.time.advance(5_000);
    assert.equal(storyOf(device, 2).at(-1), '2 rejected release-rejected-before');
  });

  it('moves nothing of the champion’s where it is slow, and skips what it is too slow for', async () => {
    const device = await settled();
    const champion = Math.max(...device.engine.loaded);
    const before = device.bursts;
    await shadowEverywhere(10);
    await world.time.advance(1_000);
    inference = (handle) => (handle > champion ? { slowMs: 2_500 } : 'none');
    const began = device.results.length;
    await world.time.advance(minuteMs);
    assert.equal(device.results.length - began, 60);
    assertChampionUnmoved(device);
    await device.stop();
    const shadowed = releasesOf(device.totals, 'shadow');
    assert.equal(total(shadowed, 'windows'), 10);
    assert.ok(total(shadowed, 'skipped') >= 16, `${total(shadowed, 'skipped')} skipped`);
    assert.ok(device.bursts > before);
  });

  it('is loaded anew where it is late, and goes on where that is not more often than the champion', async () => {
    const device = await settled();
    const champion = Math.max(...device.engine.loaded);
    await world.time.advance(minuteMs);
    await shadowEverywhere(40);
    await world.time.advance(3_000);
    let inferences = 0;
    inference = (handle) =>
      handle > champion && ++inferences % 20 === 0
        ? { slowMs: 250, then: 'engine-deadline' }
        : 'none';
    await world.time.advance(minuteMs);
    assert.equal(storyOf(device, 2).at(-1), '2 shadow-finished');
    assert.deepEqual([...device.engine.loaded], [champion]);
    assertChampionUnmoved(device);
    const shadowed = releasesOf(device.totals, 'shadow');
    assert.equal(total(shadowed, 'windows'), 40);
    assert.equal(total(shadowed, 'late'), 1);
    assert.equal(total(shadowed, 'failures'), 0);
  });

  it('is given up where it never answers in time, and moves nothing of the champion’s', async () => {
    const device = await settled();
    const champion = Math.max(...device.engine.loaded);
    await shadowEverywhere(100);
    await world.time.advance(3_000);
    inference = (handle) =>
      handle > champion ? { slowMs: 2_500, then: 'engine-deadline' } : 'none';
    await world.time.advance(2 * minuteMs);
    assert.equal(storyOf(device, 2).at(-1), '2 rejected deadlines-missed');
    assert.deepEqual([...device.engine.loaded], [champion]);
    assertChampionUnmoved(device);
    const late = total(releasesOf(device.totals, 'shadow'), 'late');
    assert.ok(late > 2 && late < 20, `late on ${late} windows`);
    inference = () => 'none';
    await shadowEverywhere(100);
    await world.time.advance(5_000);
    assert.equal(storyOf(device, 2).at(-1), '2 rejected release-rejected-before');
  });

  it('computes no more than its share of the time', async () => {
    const device = await settled();
    const champion = Math.max(...device.engine.loaded);
    await shadowEverywhere(1_000, 100);
    await world.time.advance(1_000);
    inference = (handle) => (handle > champion ? { slowMs: 500 } : 'none');
    await world.time.advance(10 * minuteMs);
    await device.stop();
    const windows = total(releasesOf(device.totals, 'shadow'), 'windows');
    // A tenth of ten minutes in pieces of half a second; the last one may overdraw it.
    assert.ok(windows >= 110 && windows <= 125, `${windows} windows`);
    assertChampionUnmoved(device);
  });

  for (const [when, slowMs] of [
    ['between two windows', 0],
    ['in the middle of an answer', 700],
  ] as const) {
    it(`goes without a trace where a policy names it no longer, ${when}`, async () => {
      const device = await settled();
      const champion = Math.max(...device.engine.loaded);
      await shadowEverywhere(100);
      await world.time.advance(5_000);
      inference = (handle) => (handle > champion && slowMs > 0 ? { slowMs } : 'none');
      await world.time.advance(1_200);
      await world.publishPolicy(first);
      await world.time.advance(5_000);
      assert.equal(storyOf(device, 2).at(-1), '2 rejected offer-withdrawn');
      assert.deepEqual([...device.engine.loaded], [champion]);
      assert.equal(device.record?.candidate, undefined);
      assert.equal(
        [...device.disk.files.keys()].filter((n) => n.startsWith('manifests/')).length,
        1,
      );
      assertChampionUnmoved(device);
      // It was not its fault.
      inference = () => 'none';
      await shadowEverywhere(5);
      await world.time.advance(10_000);
      assert.equal(storyOf(device, 2).at(-1), '2 shadow-finished');
    });
  }

  it('comes to trial and commit where a policy then names it to serve, during the comparison or after it', async () => {
    for (const [deviceId, windows] of [
      ['press-a', 1_000],
      ['press-b', 3],
    ] as const) {
      world.broker.retained.clear();
      const device = await settled({ deviceId });
      await shadowEverywhere(windows);
      await world.time.advance(10_000);
      const fetches = storyOf(device, 2).filter((line) => line === '2 fetching').length;
      await world.publishPolicy(second, { trial: { soakMs: 10_000, inferences: 5 } });
      await world.time.advance(8_000);
      assert.equal(device.state.phase, 'trial');
      assert.equal(device.record?.current?.sequence, 1);
      await world.time.advance(5_000);
      assert.equal(device.record.current.sequence, 2);
      assert.equal(device.engine.loaded.size, 1);
      // It was on disk already.
      assert.equal(storyOf(device, 2).filter((line) => line === '2 fetching').length, fetches);
      assert.deepEqual(
        device.results.map(({ window }) => window),
        device.results.map((_, i) => i + 1),
      );
      assert.equal(device.results.length, device.bursts);
      device.losePower();
    }
  });

  it('does not serve after a start without the broker, and goes on when the policy comes', async () => {
    const device = await settled();
    await shadowEverywhere(100);
    await world.time.advance(10_000);
    device.losePower();
    world.broker.stop();
    const again = started({ disk: device.disk });
    await world.time.advance(20_000);
    assert.equal(again.engine.loaded.size, 1);
    assert.equal(again.record?.current?.sequence, 1);
    world.broker.start();
    await world.time.advance(10_000);
    assert.equal(again.state.phase, 'shadow');
    assert.ok(!storyOf(again, 2).includes('2 fetching'));
    assertChampionUnmoved(again);
    await world.time.advance(100_000);
    assert.equal(storyOf(again, 2).at(-1), '2 shadow-finished');
    assertChampionUnmoved(again);
  });

  it('never serves where the power failed on its way into the shadow, at whichever operation', async () => {
    const device = await settled();
    device.losePower();
    await shadowEverywhere(100);
    const run = async (cut: number) => {
      const disk = { files: new Map(device.disk.files) };
      let operations = 0;
      storage = () => (++operations >= cut ? 'stop' : 'go');
      const cutOff = started({ disk });
      await world.time.advance(3_000);
      cutOff.losePower();
      storage = () => 'go';
      return { disk, operations };
    };
    const { operations } = await run(Infinity);
    for (let cut = 1; cut <= operations; cut++) {
      const { disk } = await run(cut);
      world.broker.stop();
      const again = started({ disk });
      await world.time.advance(4_000);
      assert.equal(again.record?.current?.sequence, 1, `cut at ${cut}: the challenger serves`);
      world.broker.start();
      await world.time.advance(4_000);
      assert.equal(again.state.phase, 'shadow', `cut at ${cut}: ${again.story.join('\n')}`);
      assertChampionUnmoved(again);
      again.losePower();
    }
  });

  it('is let go after a start where the policy has changed meanwhile, with its files', async () => {
    const device = await settled();
    await shadowEverywhere(100);
    await world.time.advance(10_000);
    device.losePower();
    await world.publishPolicy(first);
    const again = started({ disk: device.disk });
    await world.time.advance(10_000);
    assert.equal(again.record?.candidate, undefined);
    assert.equal(again.state.candidate, undefined);
    assert.equal([...again.disk.files.keys()].filter((n) => n.startsWith('manifests/')).length, 1);
    assertChampionUnmoved(again);
  });

  it('may outlive any number of starts, as long as it answers in between', async () => {
    let device = await settled();
    await shadowEverywhere(10_000);
    for (let run = 1; run <= 6; run++) {
      await world.time.advance(2 * minuteMs);
      assert.equal(device.state.phase, 'shadow', `run ${run}`);
      device.losePower();
      device = started({ disk: device.disk });
    }
  });

  it('is given up where loading it killed the process three times in a row', async () => {
    const device = await settled();
    device.losePower();
    const { disk } = device;
    await shadowEverywhere(10);
    for (let attempt = 1; attempt <= 3; attempt++) {
      const killed: WorldDevice = world.createDevice({
        disk,
        beforeInference: (handle) => {
          if (handle > 1) killed.losePower();
          return 'none';
        },
      });
      killed.start();
      await world.time.advance(4_000);
      assert.equal(killed.record?.candidate?.attempts, attempt);
    }
    const again = started({ disk });
    await world.time.advance(10_000);
    assert.equal(storyOf(again, 2).at(-1), '2 rejected trial-attempts-exceeded');
    assertChampionUnmoved(again);
  });

  it('keeps no file of the previous release from going when the current one is promoted', async () => {
    const device = await settled();
    await world.publish(second);
    await world.time.advance(5_000);
    const third = await world.workshop.buildUnseen('vibration-v1', 3);
    await world.publishContent(third);
    await world.publishPolicy(second, {
      promoted: 2,
      arms: [{ release: third, shadow: { windows: 1_000, budgetPermille: 1000 } }],
    });
    await world.time.advance(10_000);
    assert.equal(device.state.phase, 'shadow');
    assert.equal(device.record?.previous, undefined);
    assert.equal([...device.disk.files.keys()].filter((n) => n.startsWith('manifests/')).length, 2);
  });

  it('ends sooner or later where a later policy says so', async () => {
    const device = await settled();
    await shadowEverywhere(10);
    await world.time.advance(5_000);
    await shadowEverywhere(40);
    await world.time.advance(20_000);
    assert.equal(device.state.phase, 'shadow');
    assert.equal(device.engine.loaded.size, 2);
    await shadowEverywhere(20);
    await world.time.advance(2_000);
    assert.equal(storyOf(device, 2).at(-1), '2 shadow-finished');
    assert.equal(storyOf(device, 2).filter((line) => line === '2 offered').length, 1);
    assertChampionUnmoved(device);
  });

  it('goes on where the champion fails and is loaded anew', async () => {
    const device = await settled();
    const [champion] = device.engine.loaded;
    await shadowEverywhere(20);
    await world.time.advance(5_000);
    inference = (handle) => (handle === champion ? 'engine-trapped' : 'none');
    await world.time.advance(20_000);
    assert.equal(storyOf(device, 2).at(-1), '2 shadow-finished');
    assert.equal(device.engine.loaded.size, 1);
    assert.ok(!device.engine.loaded.has(champion ?? 0));
    assertChampionUnmoved(device);
    await device.stop();
    const served = releasesOf(device.totals, 'served');
    assert.equal(total(served, 'failures'), 1);
    assert.equal(total(served, 'windows'), device.results.length);
    assert.equal(total(pairsOf(device.totals), 'windows'), 20);
  });

  it('gives way where the champion falls back, and comes again when that is repaired', async () => {
    const device = await settled();
    await world.publish(second);
    await world.time.advance(5_000);
    const third = await world.workshop.buildUnseen('vibration-v1', 3);
    await world.publishContent(third);
    await world.publishPolicy(second, {
      arms: [{ release: third, shadow: { windows: 30, budgetPermille: 1000 } }],
    });
    await world.time.advance(5_000);
    assert.equal(device.state.phase, 'shadow');
    const champion = Math.min(...device.engine.loaded);
    const [model] = second.manifest.artifacts;
    const name = `images/${toHex(model?.digest ?? new Uint8Array())}`;
    device.disk.files.set(name, Uint8Array.of(1));
    inference = (handle) => (handle === champion ? 'engine-trapped' : 'none');
    await world.time.advance(10_000);
    assert.equal(device.record?.current?.sequence, 2, device.story.join('\n'));
    await world.time.advance(40_000);
    assert.equal(storyOf(device, 3).at(-1), '3 shadow-finished');
    assert.equal(device.engine.loaded.size, 1);
    assert.deepEqual(
      device.results.map(({ window }) => window),
      device.results.map((_, i) => i + 1),
    );
  });

  it('is demoted from its trial where a policy wants it compared only, and the champion serves again', async () => {
    const device = await settled();
    const champion = Math.max(...device.engine.loaded);
    await world.publish(second, { soakMs: 60 * minuteMs, inferences: 1 });
    await world.time.advance(10_000);
    assert.equal(device.results.at(-1)?.sequence, 2);
    await shadowEverywhere(10);
    await world.time.advance(1_500);
    assert.equal(device.results.at(-1)?.sequence, 1);
    await world.time.advance(20_000);
    assert.equal(device.results.at(-1)?.sequence, 1);
    assert.equal(storyOf(device, 2).at(-1), '2 shadow-finished');
    assert.deepEqual([...device.engine.loaded], [champion]);
    assert.equal(device.record?.current?.sequence, 1);
    assert.deepEqual(
      device.results.map(({ window }) => window),
      device.results.map((_, i) => i + 1),
    );
    assert.equal(device.results.length, device.bursts);
  });

  it('may know fewer classes than the champion', async () => {
    // Six classes, of which the last always wins: its bias is beyond what the window can do.
    const classes = 6;
    const bias = new Int32Array(classes);
    bias[classes - 1] = 100;
    const model = writeModelFile({
      codes: [operatorCodes.fullyConnected],
      buffers: [new Uint8Array(), new Uint8Array(768 * classes), new Uint8Array(bias.buffer)],
      tensors: [
        { shape: [1, 256, 3] },
        { shape: [classes, 768], buffer: 1 },
        { shape: [classes], buffer: 2, type: tensorTypes.int32 },
        { shape: [1, classes] },
      ],
      operators: [{ code: 0, inputs: [0, 1, 2], outputs: [3], options: [8, { 0: u8(0) }] }],
      inputs: [0],
      outputs: [3],
    });
    first = await buildRelease(
      {
        model,
        labels: [],
        pipeline: () => first.manifest.pipeline,
        slot: 'vibration',
        name: 'six-classes',
        version: '',
        sequence: 1,
        epoch: 0,
      },
      world.tools,
    );
    const device = await settled();
    await shadowEverywhere(10);
    await world.time.advance(20_000);
    assert.equal(device.results.at(-1)?.label, '5');
    assert.equal(storyOf(device, 2).at(-1), '2 shadow-finished');
    const [pair] = pairsOf(device.totals);
    assert.equal(pair?.agreements, 0);
    assert.equal(pair.confusion.length, classes ** 2);
    assert.equal(sum(pair.confusion), 10);
    assertChampionUnmoved(device);
  });

  describe('with true labels', () => {
    const label = async (message: unknown): Promise<void> => {
      const text = typeof message === 'string' ? message : JSON.stringify(message);
      world.broker.publish({
        topic: labelsTopic,
        payload: new TextEncoder().encode(text),
        retained: false,
      });
      await world.time.settle();
    };

    it('says who of both was right, also where labels come late, and counts each window once', async () => {
      const device = await settled();
      await shadowEverywhere(100);
      await world.time.advance(30_000);
      const windows = device.results.slice(-10).map(({ window }) => window);
      await world.time.advance(minuteMs);
      const before = device.reports.length;
      for (const [i, window] of windows.entries()) {
        await label({ boot: 1, window, label: i < 7 ? 'normal' : 'bearing-fault' });
        await label({ boot: 1, window, label: 'normal' });
      }
      await label({ boot: 1, window: 1_000_000, label: 'normal' });
      await world.time.advance(minuteMs);
      assert.deepEqual(device.reports.slice(before).map(({ labelsRefused }) => labelsRefused)[0], {
        'label-repeated': 7,
        'label-contradictory': 3,
        'label-window-unknown': 1,
      });
      const reports = device.totals;
      assert.equal(total(releasesOf(reports, 'served'), 'labelled'), 10);
      assert.equal(total(releasesOf(reports, 'served'), 'right'), 7);
      assert.equal(total(releasesOf(reports, 'shadow'), 'labelled'), 10);
      const pairs = pairsOf(reports);
      const [both, champion, challenger, none] = (
        ['bothRight', 'onlyChampionRight', 'onlyChallengerRight', 'noneRight'] as const
      ).map((name) => total(pairs, name));
      assert.equal((both ?? 0) + (champion ?? 0), 7);
      assert.equal((challenger ?? 0) + (none ?? 0), 3);
      assert.deepEqual(
        device.story.filter((line) => line.startsWith('label-refused')),
        [
          'label-refused label-contradictory',
          'label-refused label-window-unknown',
          'label-refused label-contradictory',
        ],
      );
    });

    it('counts for both where the label comes before a slow challenger has answered', async () => {
      const device = await settled();
      const champion = Math.max(...device.engine.loaded);
      await shadowEverywhere(100);
      await world.time.advance(1_000);
      inference = (handle) => (handle > champion ? { slowMs: 600 } : 'none');
      let labelled = 0;
      world.onMessage = ({ topic }) => {
        if (world.topics.parseDevice(topic)?.channel !== 'results') return;
        world.onMessage = () => undefined;
        labelled = device.results.at(-1)?.window ?? 0;
        void label({ boot: 1, window: labelled, label: 'normal' });
      };
      await world.time.advance(minuteMs);
      assert.ok(labelled > 0);
      assert.equal(total(releasesOf(device.totals, 'served'), 'labelled'), 1);
      assert.equal(total(releasesOf(device.totals, 'shadow'), 'labelled'), 1);
      assert.equal(
        total(pairsOf(device.totals), 'bothRight') +
          total(pairsOf(device.totals), 'onlyChampionRight'),
        1,
      );
    });

    it('counts only the champion on windows that nobody else saw', async () => {
      const device = await settled();
      await label({ boot: 1, window: 1, label: 'normal' });
      await world.time.advance(minuteMs);
      assert.equal(total(releasesOf(device.totals, 'served'), 'right'), 1);
      assert.deepEqual(pairsOf(device.totals), []);
    });

    for (const [what, message] of [
      ['no JSON', '{"window": 1,'],
      ['no object', '[1, "normal"]'],
      ['no window', { boot: 1, label: 'normal' }],
      ['no boot', { window: 1, label: 'normal' }],
      ['no label', { boot: 1, window: 1 }],
      ['a window that is no whole number', { boot: 1, window: 1.5, label: 'normal' }],
      ['a label that is no text', { boot: 1, window: 1, label: 4 }],
      ['a label of a thousand characters', { boot: 1, window: 1, label: 'x'.repeat(1_024) }],
    ] as const) {
      it(`refuses ${what}, and goes on`, async () => {
        const device = await settled();
        await label(message);
        await label({ boot: 1, window: 1, label: 'normal' });
        await world.time.advance(minuteMs);
        assert.equal(device.story.at(-1), 'label-refused label-invalid');
        assert.equal(total(releasesOf(device.totals, 'served'), 'labelled'), 1);
      });
    }
  });

  describe('with true labels that are not of its windows or classes', () => {
    const label = (message: object, topic = labelsTopic): void => {
      const payload = new TextEncoder().encode(JSON.stringify(message));
      world.broker.publish({ topic, payload, retained: false });
    };

    it('counts none of an earlier start, whose windows had the same numbers', async () => {
      const device = await settled();
      const { window } = device.results.at(-1) ?? {};
      await device.stop();
      const again = world.startDevice({ disk: device.disk, labelsTopic });
      await world.time.advance(30_000);
      assert.ok(again.results.some((result) => result.boot === 2 && result.window === window));
      label({ boot: 1, window, label: 'normal' });
      await world.time.advance(minuteMs);
      assert.equal(total(releasesOf(again.reports, 'served'), 'labelled'), 0);
      assert.deepEqual(again.story, ['label-refused label-boot-unknown']);
      assert.equal(again.counted('labels-refused/label-boot-unknown'), 1);
    });

    it('counts none in another spelling: every label with a capital letter is no label at all', async () => {
      const device = await settled();
      await shadowEverywhere(100);
      await world.time.advance(10_000);
      for (const { boot, window } of device.results.slice(-5)) {
        label({ boot, window, label: 'Normal' });
      }
      await world.time.advance(minuteMs);
      assert.equal(total(releasesOf(device.totals, 'served'), 'labelled'), 0);
      assert.equal(total(releasesOf(device.totals, 'shadow'), 'labelled'), 0);
      assert.deepEqual(
        device.reports.map(({ labelsRefused }) => labelsRefused['label-class-unknown'] ?? 0),
        [5],
      );
      assert.equal(device.story.at(-1), 'label-refused label-class-unknown');
    });

    it('hears only what is for its slot where a label names one', async () => {
      const device = await settled();
      label({ boot: 1, window: 1, label: 'bearing-fault', slot: 'another' });
      label({ boot: 1, window: 1, label: 'normal', slot: 'vibration' });
      await world.time.advance(minuteMs);
      assert.equal(total(releasesOf(device.totals, 'served'), 'right'), 1);
      assert.ok(
        device.reports.every(({ labelsRefused }) => Object.keys(labelsRefused).length === 0),
      );
    });
  });

  it('is compared only where the lots of a device say so, and the same devices stay in a growing arm', async () => {
    const ids = Array.from({ length: 12 }, (_, i) => `press-${i}`);
    const salt = 5;
    const name = experimentName(new Uint8Array(8).fill(salt));
    const devices = ids.map((deviceId) => started({ deviceId }));
    await world.publish(first);
    await world.time.advance(5_000);
    await world.publishContent(second);
    const inArm = new Set<string>();
    for (const exposure of [0, 3_000, 7_000]) {
      await world.publishPolicy(first, {
        arms: [{ release: second, exposure, salt, shadow: { windows: 3, budgetPermille: 1000 } }],
      });
      await world.time.advance(10_000);
      for (const device of devices) {
        const expected = isExposed(name, device.deviceId, exposure);
        const story = device.story.filter((line) => line.startsWith('2 '));
        assert.equal(story.includes('2 shadow-finished'), expected, device.deviceId);
        if (expected) inArm.add(device.deviceId);
        else assert.deepEqual(story, []);
        // Once is enough: the same comparison is not made again with each policy.
        assert.ok(story.filter((line) => line === '2 shadow').length <= 1);
      }
    }
    assert.ok(inArm.size > 2 && inArm.size < ids.length);
  });
});
