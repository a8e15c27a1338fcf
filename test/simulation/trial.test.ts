import assert from 'node:assert/strict';
import { toHex } from '../../protocol/bytes.js';
import { decisionLogName, decodeDecisions } from '../../agent/core/log/decision-log.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import type { InferenceFault } from '../../simulator/ports/faulty-engine.js';
import { assertEveryWindowAnswered } from './answers.js';
import { settle } from './settle.js';
import { countOf } from './story.js';
import { World } from './world.js';
import type { WorldDevice, WorldDeviceOptions } from './world-device.js';

const minuteMs = 60_000;

describe('The trial of a release', () => {
  let world: World;
  let first: ReleaseFile;
  let second: ReleaseFile;
  /** What becomes of the next inferences; a test exchanges it. */
  let inference: (handle: number) => InferenceFault = () => 'none';

  const started = (options: WorldDeviceOptions = {}): WorldDevice =>
    world.startDevice({ beforeInference: (handle) => inference(handle), ...options });

  /** A device that runs v1 as release 1. */
  const settled = (options?: WorldDeviceOptions): Promise<WorldDevice> =>
    settle(world, started(options), first);

  beforeEach(async () => {
    inference = () => 'none';
    world = await World.create();
    first = await world.workshop.build('vibration-v1', 1);
    second = await world.workshop.build('vibration-v2', 2);
  });
  afterEach(() => {
    world.end();
  });

  it('serves at once, and commits only after soak and inferences both', async () => {
    for (const [sequence, soakMs, inferences, tooShortMs] of [
      [2, 90_000, 10, 88_000],
      [4, 10_000, 60, 55_000],
    ] as const) {
      const device = await settled({ deviceId: `press-${sequence}` });
      await world.publish(await world.workshop.build('vibration-v2', sequence), {
        soakMs,
        inferences,
      });
      await world.time.advance(tooShortMs);
      assert.equal(device.state.phase, 'trial');
      assert.equal(device.record?.current?.sequence, 1);
      assert.equal(device.results.at(-1)?.sequence, sequence);
      await world.time.advance(10_000);
      assert.equal(device.record?.current?.sequence, sequence);
      assert.equal(device.record?.previous?.sequence, 1);
      assertEveryWindowAnswered(device);
      device.losePower();
      world.broker.retained.clear();
    }
  });

  it('counts powered time over all starts, to the last half minute before each', async () => {
    let device = await settled();
    const trial = { soakMs: 5 * minuteMs, inferences: 1 };
    await world.publish(second, trial);
    // Each run is worth two full steps of thirty seconds.
    for (let run = 1; run <= 4; run++) {
      await world.time.advance(75_000);
      assert.equal(device.state.phase, 'trial', `run ${run}`);
      const { candidate } = device.record ?? {};
      assert.equal(candidate?.soakMs, run * minuteMs);
      assert.deepEqual(candidate.terms, trial);
      device.losePower();
      // Time without power is no soak.
      await world.time.advance(10 * minuteMs);
      device = started({ disk: device.disk });
    }
    await world.time.advance(55_000);
    assert.equal(device.state.phase, 'trial');
    await world.time.advance(10_000);
    assert.equal(device.record?.current?.sequence, 2);
    assertEveryWindowAnswered(device);
  });

  describe('whose release is late', () => {
    const terms = { soakMs: 10 * minuteMs, inferences: 100 };

    /** Answers whose deadline passes, by whether it is the champion's and how many inferences there were. */
    const lateWhere = (late: (isChampion: boolean, inferences: number) => boolean): void => {
      let inferences = 0;
      const selfTested = new Map<number, number>();
      inference = (handle) => {
        // The first instance is the champion's, and those of a candidate begin with four golden vectors.
        const isChampion = handle === 1;
        const vectors = (selfTested.get(handle) ?? 0) + 1;
        selfTested.set(handle, vectors);
        if (handle === 2 && vectors <= 4) return 'none';
        return late(isChampion, ++inferences) ? { slowMs: 250, then: 'engine-deadline' } : 'none';
      };
    };

    it('goes on where that is once or twice, in instances that are made anew', async () => {
      const device = await settled();
      lateWhere((isChampion, inferences) => !isChampion && [5, 200].includes(inferences));
      await world.publish(second, terms);
      await world.time.advance(5 * minuteMs);
      assert.equal(device.state.phase, 'trial');
      assert.equal(device.results.at(-1)?.sequence, 2);
      assert.equal(device.results.filter(({ sequence }) => sequence === 1).length, 7);
      assert.equal(device.engine.loaded.size, 2);
      await world.time.advance(6 * minuteMs);
      assert.equal(device.record?.current?.sequence, 2);
      assert.equal(device.engine.loaded.size, 1);
      assertEveryWindowAnswered(device);
      assert.equal(countOf(device, '2 offered'), 1);
      assert.equal(countOf(device, '2 self-tested'), 1);
    });

    it('is over where that happens more often than to the champion, which answers those windows', async () => {
      const device = await settled();
      await world.time.advance(minuteMs);
      lateWhere((isChampion, inferences) => !isChampion && inferences % 2 === 0);
      await world.publish(second, terms);
      await world.time.advance(minuteMs);
      assert.equal(device.story.at(-1), '2 rolled-back deadlines-missed');
      assert.match(
        device.state.reason ?? '',
        /^late on \d+ of \d+ windows, the champion on 0 of \d+$/,
      );
      assert.equal(device.record?.current?.sequence, 1);
      assert.deepEqual([...device.engine.loaded], [1]);
      assertEveryWindowAnswered(device);
      await world.publish(second, terms);
      await world.time.advance(5_000);
      assert.equal(device.results.at(-1)?.sequence, 1);
    });

    it('goes on where the champion is late as often: then it is the gateway that is busy', async () => {
      const device = await settled();
      let busy = false;
      inference = () => (busy ? { slowMs: 250, then: 'engine-deadline' } : 'none');
      await world.publish(second, terms);
      await world.time.advance(5_000);
      assert.equal(device.state.phase, 'trial');
      for (let i = 0; i < 10; i++) {
        busy = true;
        await world.time.advance(3_000);
        busy = false;
        await world.time.advance(27_000);
        assert.equal(device.state.phase, 'trial', device.story.join('\n'));
      }
      await world.time.advance(6 * minuteMs);
      assert.equal(device.record?.current?.sequence, 2);
    });

    it('loses no window where one answer takes longer than windows can wait', async () => {
      const device = await settled();
      await world.time.advance(minuteMs);
      lateWhere((isChampion) => !isChampion);
      const slow = inference;
      inference = (handle) => (slow(handle) === 'none' ? 'none' : { slowMs: 60_000 });
      await world.publish(second, terms);
      await world.time.advance(minuteMs);
      assert.equal(device.story.at(-1), '2 rolled-back deadlines-missed');
      await world.time.advance(1_500);
      assert.deepEqual([...device.engine.loaded], [1]);
      assertEveryWindowAnswered(device);
      await device.stop();
      const late = device.totals.flatMap(({ releases }) => releases.map((each) => each.late));
      assert.ok(late.reduce((a, b) => a + b, 0) >= 3);
    });

    it('is over without a champion too, where it is late most of the time', async () => {
      const device = started();
      lateWhere((_, inferences) => inferences > 4);
      await world.publish(first, terms);
      await world.time.advance(minuteMs);
      assert.equal(countOf(device, '1 rolled-back deadlines-missed'), 1);
      assert.equal(device.engine.loaded.size, 0);
    });

    for (const [when, delayMs] of [
      ['while its instances are made anew', 250],
      ['while the champion answers for it', 260],
    ] as const) {
      it(`leaves nothing behind where it is withdrawn ${when}`, async () => {
        const device = await settled();
        await world.publish(second, terms);
        await world.time.advance(5_000);
        inference = (handle) => (handle > 1 ? { slowMs: 250, then: 'engine-deadline' } : 'none');
        await world.time.advance(1_000 + delayMs);
        await world.publishPolicy(first);
        await world.time.advance(5_000);
        assert.equal(device.story.at(-1), '2 rolled-back offer-withdrawn');
        assert.deepEqual([...device.engine.loaded], [1]);
        assertEveryWindowAnswered(device);
      });
    }

    it('is brought in anew from the broker where its image is damaged meanwhile', async () => {
      const device = await settled();
      await world.publish(second, terms);
      await world.time.advance(5_000);
      const [model] = second.manifest.artifacts;
      const name = `images/${toHex(model?.digest ?? new Uint8Array())}`;
      device.disk.files.set(name, Uint8Array.of(1));
      let late = true;
      inference = (handle) => {
        if (handle === 1 || !late) return 'none';
        late = false;
        return 'engine-deadline';
      };
      await world.time.advance(11 * minuteMs);
      assert.equal(device.record?.current?.sequence, 2, device.story.join('\n'));
      assert.equal(countOf(device, '2 offered'), 1);
      assertEveryWindowAnswered(device);
    });
  });

  it('goes on over a start without the broker, and commits there', async () => {
    const device = await settled();
    await world.publish(second, { soakMs: minuteMs, inferences: 70 });
    await world.time.advance(50_000);
    device.losePower();
    world.broker.stop();
    const again = started({ disk: device.disk });
    // Thirty windows were written down before, so forty are left.
    await world.time.advance(38_000);
    assert.equal(again.record?.candidate?.phase, 'trial');
    await world.time.advance(5_000);
    assert.equal(again.record.current?.sequence, 2);
  });

  it('is starved without traffic, which is said once and is no failure, and commits when windows come', async () => {
    const device = await settled();
    device.silent = true;
    await world.publish(second, { soakMs: 2 * minuteMs, inferences: 5 });
    await world.time.advance(119_000);
    assert.equal(countOf(device, '2 trial-starved trial-starved'), 0);
    await world.time.advance(30 * minuteMs);
    assert.equal(countOf(device, '2 trial-starved trial-starved'), 1);
    assert.equal(device.state.phase, 'trial');
    assert.equal(device.record?.candidate?.sequence, 2);
    assert.deepEqual(device.record.rejected, []);
    device.silent = false;
    await world.time.advance(6_000);
    assert.equal(device.record.current?.sequence, 2);
    assertEveryWindowAnswered(device);
  });

  it('wants a good inference of this start, although all terms were met before it', async () => {
    const device = await settled();
    await world.publish(second, { soakMs: 40_000, inferences: 1 });
    await world.time.advance(35_000);
    device.losePower();
    const again = started({ disk: device.disk });
    again.silent = true;
    await world.time.advance(minuteMs);
    assert.ok((again.record?.candidate?.soakMs ?? 0) > 40_000);
    assert.equal(again.record?.current?.sequence, 1);
    again.silent = false;
    await world.time.advance(2_000);
    assert.equal(again.record.current.sequence, 2);
  });

  for (const broker of ['with', 'without'] as const) {
    it(`is over at once where the release traps in the middle of it, ${broker} the broker`, async () => {
      const device = await settled();
      const champion = Math.max(...device.engine.loaded);
      await world.publish(second, { soakMs: 10 * minuteMs, inferences: 1 });
      await world.time.advance(minuteMs);
      assert.equal(device.state.phase, 'trial');
      if (broker === 'without') world.broker.stop();
      inference = (handle) => (handle > champion ? 'engine-trapped' : 'none');
      await world.time.advance(2_000);
      assert.equal(device.record?.candidate, undefined);
      assert.deepEqual([...device.engine.loaded], [champion]);
      inference = () => 'none';
      world.broker.start();
      await world.time.advance(5_000);
      assert.equal(countOf(device, '2 rolled-back engine-trapped'), 1);
      assert.equal(device.results.at(-1)?.sequence, 1);
      assertEveryWindowAnswered(device);
      // It does not come again, whatever the policy still says.
      device.losePower();
      const again = started({ disk: device.disk });
      await world.time.advance(5_000);
      assert.equal(again.story.at(-1), '2 rejected release-rejected-before');
    });
  }

  it('is given up where loading the release killed the process three times in a row', async () => {
    const device = await settled();
    device.losePower();
    const { disk } = device;
    await world.publish(second);
    for (let attempt = 1; attempt <= 3; attempt++) {
      const killed: WorldDevice = world.createDevice({
        disk,
        beforeInference: (handle) => {
          // The first instance is the champion's, the second runs the self-test.
          if (handle > 1) killed.losePower();
          return 'none';
        },
      });
      killed.start();
      await world.time.advance(4_000);
      assert.equal(killed.record?.candidate?.attempts, attempt);
      assert.equal(killed.record.current?.sequence, 1);
    }
    const again = started({ disk });
    await world.time.advance(10_000);
    assert.equal(countOf(again, '2 rejected trial-attempts-exceeded'), 1, again.story.join('\n'));
    assert.equal(again.record?.candidate, undefined);
    assert.deepEqual(
      again.record?.rejected.length,
      1,
      'what kills the process is not tried for ever',
    );
    assert.equal(again.engine.loaded.size, 1);
    assert.equal(again.results.at(-1)?.sequence, 1);
    assertEveryWindowAnswered(again);
  });

  it('is not held against the release that the device ended in order before it could answer', async () => {
    let device = await settled();
    await world.publish(second, { soakMs: minuteMs, inferences: 1 });
    for (let run = 1; run <= 6; run++) {
      await world.time.advance(300);
      await device.stop();
      device = world.createDevice({ disk: device.disk });
      device.silent = true;
      device.start();
      await world.time.advance(2_000);
      assert.equal(device.state.phase, 'trial', device.story.join('\n'));
    }
    device.silent = false;
    await world.time.advance(2 * minuteMs);
    assert.equal(device.state.current, 2, device.story.join('\n'));
  });

  it('forgives earlier starts to a release that has answered for half a minute', async () => {
    let device = await settled();
    await world.publish(second, { soakMs: 10 * minuteMs, inferences: 1 });
    for (let run = 1; run <= 6; run++) {
      await world.time.advance(40_000);
      assert.equal(device.record?.candidate?.attempts, 0);
      device.losePower();
      device = started({ disk: device.disk });
    }
    await world.time.advance(2_000);
    assert.equal(device.state.phase, 'trial');
  });

  it('leaves the way back open until a policy promotes, which takes the files of the previous release', async () => {
    const device = await settled();
    await world.publish(second);
    await world.time.advance(5_000);
    const imageOf = ({ manifest }: ReleaseFile): string =>
      `images/${toHex(manifest.artifacts[0]?.digest ?? new Uint8Array())}`;
    assert.equal(device.record?.previous?.sequence, 1);
    assert.equal(device.record.sequenceFloor, 0);
    assert.ok(device.disk.files.has(imageOf(first)));
    await world.publishPolicy(second, { promoted: 2 });
    await world.time.advance(1_000);
    assert.equal(device.story.at(-1), '2 promoted');
    assert.deepEqual(device.state, { current: 2, phase: 'committed', release: 2 });
    assert.equal(device.record.sequenceFloor, 2);
    assert.ok(!device.disk.files.has(imageOf(first)));
    assert.ok(device.disk.files.has(imageOf(second)));
    await world.publish(first);
    await world.time.advance(5_000);
    assert.equal(device.story.at(-1), '1 rejected sequence-below-floor');
    assertEveryWindowAnswered(device);
    device.losePower();
    const again = started({ disk: device.disk });
    await world.time.advance(5_000);
    assert.equal(again.record?.sequenceFloor, 2);
    assert.equal(again.story.at(-1), '1 rejected sequence-below-floor');
    assert.equal(again.results.at(-1)?.sequence, 2);
  });

  it('promotes after the commit where the policy already said so at the offer, and not before', async () => {
    const device = await settled();
    await world.publishContent(second);
    await world.publishPolicy(second, {
      promoted: 2,
      trial: { soakMs: 20_000, inferences: 1 },
    });
    await world.time.advance(15_000);
    assert.equal(device.record?.sequenceFloor, 0);
    await world.time.advance(10_000);
    assert.deepEqual(device.story.slice(-2), ['2 committed', '2 promoted']);
    assert.equal(device.record.sequenceFloor, 2);
    assert.equal(device.record.previous, undefined);
  });

  it('promotes nothing where the policy names another release than the one that is current', async () => {
    const device = await settled();
    await world.publish(second);
    await world.time.advance(5_000);
    await world.publishPolicy(second, { promoted: 1 });
    await world.time.advance(5_000);
    assert.equal(device.record?.previous?.sequence, 1);
    assert.equal(device.record.sequenceFloor, 0);
  });

  it('does not hold for a later number of the running image: it is adopted, and nothing is interrupted', async () => {
    const device = await settled();
    const [handle] = device.engine.loaded;
    const renumbered = world.withManifest(first, { sequence: 7 });
    await world.publish(renumbered, { soakMs: 60 * minuteMs, inferences: 1_000_000 });
    await world.time.advance(5_000);
    assert.deepEqual(
      device.story.filter((line) => line.startsWith('7 ')),
      ['7 offered', '7 admitted', '7 committed'],
    );
    assert.deepEqual([...device.engine.loaded], [handle]);
    assert.equal(device.record?.current?.sequence, 7);
    assert.equal(device.results.at(-1)?.sequence, 7);
    assertEveryWindowAnswered(device);
    device.losePower();
    const again = started({ disk: device.disk });
    await world.time.advance(5_000);
    assert.equal(again.results.at(-1)?.sequence, 7);
    assertEveryWindowAnswered(again);
  });

  it('ends where a policy names the champion again: the device is back with its next window', async () => {
    const device = await settled();
    await world.publish(second, { soakMs: 60 * minuteMs, inferences: 1 });
    await world.time.advance(minuteMs);
    assert.equal(device.results.at(-1)?.sequence, 2);
    await world.publishPolicy(first);
    await world.time.advance(1_500);
    assert.equal(device.results.at(-1)?.sequence, 1);
    assert.equal(device.story.at(-1), '2 rolled-back offer-withdrawn');
    assert.equal(device.engine.loaded.size, 1);
    assertEveryWindowAnswered(device);
    // It was not its fault: a later policy may bring it back.
    await world.publishPolicy(second);
    await world.time.advance(5_000);
    assert.equal(device.record?.current?.sequence, 2);
  });

  it('follows a later policy that demands more or less of it, also after a start', async () => {
    const device = await settled();
    await world.publishContent(second);
    await world.publishPolicy(second, { trial: { soakMs: 20_000, inferences: 1 } });
    await world.time.advance(10_000);
    await world.publishPolicy(second, { trial: { soakMs: 10_000, inferences: 1_000_000 } });
    await world.time.advance(2 * minuteMs);
    assert.equal(device.state.phase, 'trial');
    assert.equal(device.record?.candidate?.terms.inferences, 1_000_000);
    device.losePower();
    const again = started({ disk: device.disk });
    await world.time.advance(2 * minuteMs);
    assert.equal(again.state.phase, 'trial');
    await world.publishPolicy(second, { trial: { soakMs: 10_000, inferences: 100 } });
    await world.time.advance(2_000);
    assert.equal(again.record?.current?.sequence, 2);
    assert.equal(countOf(again, '2 offered'), 1);
    assertEveryWindowAnswered(again);
  });

  it('is short for the previous release: an abort after the commit goes back without a soak', async () => {
    const device = await settled();
    await world.publish(second);
    await world.time.advance(5_000);
    assert.equal(device.record?.current?.sequence, 2);
    await world.publishPolicy(first, { trial: { soakMs: 60 * minuteMs, inferences: 1_000 } });
    await world.time.advance(2_500);
    assert.equal(device.record.current.sequence, 1);
    assert.equal(device.record.previous, undefined);
    assert.equal(countOf(device, '1 fetching'), 1);
    assertEveryWindowAnswered(device);
  });

  it('can be told from the decision log after any number of starts', async () => {
    const device = await settled();
    await world.publish(second, { soakMs: minuteMs, inferences: 1 });
    await world.time.advance(10_000);
    inference = () => 'engine-trapped';
    await world.time.advance(1_000);
    inference = () => 'none';
    await world.time.advance(2_000);
    device.losePower();
    const again = started({ disk: device.disk });
    await world.time.advance(5_000);
    again.losePower();
    const file = again.disk.files.get(decisionLogName);
    assert.ok(file);
    const settledIn = decodeDecisions(file).filter(({ event }) =>
      ['committed', 'rolled-back', 'rejected'].includes(event),
    );
    assert.deepEqual(
      settledIn.map(({ event, release, code }) => [event, release, code]),
      [
        ['committed', 1, undefined],
        ['rolled-back', 2, 'engine-trapped'],
        ['rejected', 2, 'release-rejected-before'],
      ],
    );
    const instants = settledIn.map(({ t }) => t);
    assert.deepEqual(instants, instants.toSorted());
    // Without it the device decides the same, and begins a new one.
    again.disk.files.set(decisionLogName, Uint8Array.of(0xff));
    const third = started({ disk: again.disk });
    await world.time.advance(5_000);
    assert.equal(third.state.code, 'release-rejected-before');
    assert.deepEqual(
      decodeDecisions(third.disk.files.get(decisionLogName) ?? new Uint8Array()).map(
        ({ event }) => event,
      ),
      ['rejected'],
    );
  });
});
