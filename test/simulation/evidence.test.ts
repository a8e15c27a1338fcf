import assert from 'node:assert/strict';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { toHex } from '../../protocol/bytes.js';
import { expectOk } from '../../protocol/coded-error.js';
import { openSign1 } from '../../protocol/cose/sign1.js';
import { limits } from '../../protocol/limits.js';
import type { Disagreement } from '../../protocol/messages/disagreements.js';
import { parseDisagreements } from '../../protocol/messages/disagreements.js';
import { parseEvidence, type Evidence } from '../../protocol/messages/evidence.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { Prng } from '../../simulator/prng.js';
import { environments } from '../../simulator/signals/environment.js';
import { VibrationSignal } from '../../simulator/signals/vibration-signal.js';
import { settle } from './settle.js';
import { World, type WorldPolicy } from './world.js';
import type { WorldDevice, WorldDeviceOptions } from './world-device.js';
import { slot } from './world-slot.js';

const minuteMs = 60_000;
const labelsTopic = 'factory/press-7/truth';
const truth = 'normal';
const shadow = { windows: 1_000, budgetPermille: 1000 };
/** N = 1, so that few blocks are enough to name the device. */
const evidence = { devices: 1, alphaPermille: 50, deviceMarginPermille: 50, blockWindows: 5 };

/** The demo's third model is much worse than its second on this machine, and the world knows what it suffers from. */
describe('The evidence of a device', () => {
  let world: World;
  let good: ReleaseFile;
  let bad: ReleaseFile;

  const start = (options: WorldDeviceOptions = {}): WorldDevice =>
    world.startDevice({
      labelsTopic,
      signal: new VibrationSignal(environments.field, truth, Prng.fromSeed(5)),
      ...options,
    });
  const compare = (wishes: WorldPolicy = {}): Promise<void> =>
    world.publishPolicy(good, { arms: [{ release: bad, shadow }], evidence, ...wishes });
  const serve = (minBlocks?: number): Promise<void> =>
    compare({
      arms: [
        { release: bad, ...(minBlocks !== undefined && { minBlocks }) },
        { release: bad, shadow },
        { release: good, shadow },
      ],
    });

  beforeEach(async () => {
    world = await World.create();
    good = await world.workshop.build('vibration-v2', 2);
    bad = await world.workshop.build('vibration-v3', 3);
  });
  afterEach(() => {
    world.end();
  });

  /** A device that runs the good release and knows the bad one's content is there. */
  const settled = async (options?: WorldDeviceOptions): Promise<WorldDevice> => {
    const device = await settle(world, start(options), good);
    await world.publishContent(bad);
    return device;
  };
  const topicOf = (device: WorldDevice): string => world.topics.evidence(device.deviceId, slot);
  /** What is published of evidence, each with a signature that holds; undefined where it is cleared. */
  const published = (device: WorldDevice): readonly (Evidence | undefined)[] =>
    world.messages
      .filter(({ topic }) => topic === topicOf(device))
      .map(({ payload }) => {
        if (payload.length === 0) return undefined;
        assert.ok(payload.length <= limits.evidenceBytes);
        const message = expectOk(openSign1(payload, 'evidence'));
        const { publicKey } = device.key;
        const crypto = createNodeCrypto();
        assert.ok(crypto.verifyEd25519(publicKey, message.toBeSigned, message.signature));
        return expectOk(parseEvidence(message.payload));
      });
  const last = (device: WorldDevice): Evidence => {
    const newest = published(device).at(-1);
    assert.ok(newest !== undefined, 'nothing is published');
    return newest;
  };
  const disagreements = (device: WorldDevice): readonly Disagreement[] =>
    world.messages
      .filter(({ topic }) => topic === world.topics.disagreements(device.deviceId, slot))
      .flatMap(({ payload }) => {
        const message = expectOk(openSign1(payload, 'disagreements'));
        return expectOk(parseDisagreements(message.payload)).entries;
      });
  const tell = ({ boot, window }: { boot: number; window: number }, label = truth): void => {
    const payload = new TextEncoder().encode(JSON.stringify({ boot, window, label }));
    world.broker.publish({ topic: labelsTopic, payload, retained: false });
  };
  /** Tells the truth about every disagreement that was not told about yet, each minute. */
  const inspect = async (device: WorldDevice, minutes: number): Promise<void> => {
    let told = 0;
    for (let minute = 0; minute < minutes; minute++) {
      await world.time.advance(minuteMs);
      const open = disagreements(device);
      for (const each of open.slice(told)) tell(each);
      told = open.length;
    }
    await world.time.advance(2 * minuteMs);
  };

  it('lets two releases answer in turns without losing a window, over restarts too, and compares the turns', async () => {
    const device = await settled();
    const turnWindows = 20;
    await world.publishPolicy(good, {
      arms: [{ release: bad }, { release: bad, shadow }],
      evidence: { ...evidence, devices: 1_000, turnWindows },
    });
    await inspect(device, 2);
    assert.equal(device.results.length, device.bursts);
    device.losePower();
    const again = start({ disk: device.disk });
    await inspect(again, 6);
    assert.equal(again.results.length, again.bursts);
    const { served, totals, correlation } = last(device);
    assert.ok(served.blocks.length >= 8, String(served.blocks.length));
    assert.ok(served.blocks.every(({ windows }) => windows === turnWindows));
    assert.ok(totals.windows >= 2 * turnWindows * served.blocks.length);
    assert.equal(correlation, undefined);
    // Nobody has to know what the other would have said.
    const lost = served.blocks.map((block) => block.onlyChampionRight - block.onlyChallengerRight);
    assert.ok(lost.filter((windows) => windows > 0).length > lost.length / 2, String(lost));
    for (const sequence of [2, 3]) {
      const turns = again.results.filter((result) => result.sequence === sequence).length;
      assert.ok(turns > again.results.length / 3, `${turns} of ${again.results.length}`);
    }
  });

  it('is what was compared so far, in blocks, retained and signed by the key that its state names', async () => {
    const device = await settled();
    await compare();
    await world.time.advance(3 * minuteMs);
    const { shadow: list, served, totals, ...of } = last(device);
    assert.deepEqual([of.champion.sequence, of.challenger.sequence], [2, 3]);
    assert.ok(list.blocks.length >= 20 && served.blocks.length === 0);
    assert.ok(list.blocks.every(({ windows, policy }) => windows === 5 && policy > 0));
    assert.ok(totals.disagreements > 10 && totals.unlabelled === totals.disagreements);
    assert.equal(disagreements(device).length, totals.disagreements);
    const [state] = world.heard('state', device.deviceId).slice(-1) as { key: string }[];
    assert.equal(state?.key, toHex(device.key.publicKey));
    assert.equal(device.state.truth, labelsTopic);
    const revisions = published(device).map((each) => each?.revision ?? 0);
    assert.deepEqual(
      revisions,
      [...new Set(revisions)].sort((a, b) => a - b),
    );
  });

  it('goes on over a power cut with the same life, and loses no more than the last report interval', async () => {
    const device = await settled();
    await compare();
    await world.time.advance(3 * minuteMs);
    const before = last(device);
    device.losePower();
    const again = start({ disk: device.disk });
    await world.time.advance(2 * minuteMs);
    const after = last(again);
    assert.deepEqual(after.life, before.life);
    assert.ok(after.revision > before.revision);
    const { blocks } = before.shadow;
    assert.deepEqual(after.shadow.blocks.slice(0, blocks.length), blocks);
    assert.ok(after.totals.windows > before.totals.windows + 60);
  });

  it('takes a label after a restart for the window of the start that it names', async () => {
    const device = await settled();
    await compare();
    await world.time.advance(2 * minuteMs + 10_000);
    const before = last(device);
    const [first] = disagreements(device);
    assert.ok(first !== undefined && first.challenger.label !== truth);
    device.losePower();
    const again = start({ disk: device.disk });
    await world.time.advance(10_000);
    tell(first);
    tell(first);
    tell({ boot: first.boot, window: 1_000_000 });
    tell(first, 'Normal');
    await world.time.advance(minuteMs);
    const { totals } = last(again);
    const right = first.champion.label === truth ? 1 : 0;
    assert.equal(totals.onlyChampionRight - before.totals.onlyChampionRight, right);
    assert.equal(totals.labelled - before.totals.labelled, 1);
    const codes = again.story.filter((each) => each.includes('label-refused'));
    assert.deepEqual(codes, [
      'label-refused label-boot-unknown',
      'label-refused label-class-unknown',
    ]);
  });

  it('swaps the roles once where the challenger serves, so that no answer is missed and b stays the champion’s', async () => {
    const device = await settled();
    await serve();
    await world.time.advance(3 * minuteMs);
    assert.equal(device.state.current, 3);
    const { served, service, champion, challenger } = last(device);
    assert.deepEqual([champion.sequence, challenger.sequence], [2, 3]);
    assert.ok(served.blocks.length >= 10, String(served.blocks.length));
    assert.ok(service.serving && service.reports >= 1);
    for (const each of disagreements(device)) tell(each);
    await world.time.advance(2 * minuteMs);
    const { totals } = last(device);
    assert.ok(totals.onlyChampionRight > 3 * totals.onlyChallengerRight, JSON.stringify(totals));
    const answered = device.results.map(({ window }) => window);
    assert.deepEqual(
      answered,
      answered.map((_, i) => i + 1),
    );
  });

  it('lets a device that is certainly worse off step aside by itself, and keeps it there', async () => {
    const device = await settled();
    await serve();
    await world.time.advance(minuteMs);
    assert.equal(device.state.current, 3);
    await inspect(device, 15);
    assert.equal(device.state.current, 2);
    assert.ok(device.story.includes('3 stepped-aside'), device.story.join('\n'));
    assert.deepEqual([last(device).aside, last(device).service.serving], ['named', false]);
    device.losePower();
    const again = start({ disk: device.disk });
    await world.time.advance(2 * minuteMs);
    assert.equal(again.state.current, 2);
    await world.publishPolicy(bad, { promoted: 3, evidence, fallback: { release: good } });
    await world.time.advance(2 * minuteMs);
    assert.equal(again.state.current, 2);
    assert.equal(again.record?.sequenceFloor, 0);
    assert.equal(last(again).aside, 'named');
  });

  it('keeps a device that has compared too little with the champion, until it has closed enough blocks', async () => {
    const device = await settled();
    await serve(12);
    await world.time.advance(minuteMs);
    assert.equal(device.state.current, 2);
    assert.equal(last(device).aside, 'too-few-blocks');
    await world.time.advance(4 * minuteMs);
    // Its blocks are enough by now: it does not wait for another policy.
    assert.equal(device.state.current, 3);
    assert.equal(last(device).aside, undefined);
  });

  it('holds a device out of a promotion by its lots, with its floor and its way back', async () => {
    const device = await settled();
    await serve();
    await world.time.advance(minuteMs);
    await world.publishPolicy(bad, {
      promoted: 3,
      evidence,
      fallback: { release: good, holdout: 10_000 },
    });
    await world.time.advance(2 * minuteMs);
    assert.equal(device.state.current, 2);
    assert.equal(last(device).aside, 'holdout');
    assert.equal(device.record?.sequenceFloor, 0);
  });

  it('counts a window to which the serving challenger gave no answer as a difference that no label decides', async () => {
    let fails = false;
    const device = await settled({
      beforeInference: () => (fails ? { slowMs: 5_000, then: 'engine-deadline' } : 'none'),
    });
    await serve();
    await world.time.advance(2 * minuteMs);
    assert.equal(device.state.current, 3);
    for (const each of disagreements(device)) tell(each);
    await world.time.advance(minuteMs);
    const before = last(device).totals;
    fails = true;
    await world.time.advance(20_000);
    fails = false;
    await world.time.advance(2 * minuteMs);
    const missed = device.bursts - device.results.length;
    const after = last(device).totals;
    assert.ok(missed > 0);
    assert.ok(
      after.unlabelled - before.unlabelled >= missed,
      JSON.stringify([missed, before, after]),
    );
  });

  it('counts a window for which the serving challenger was late, although it is answered in the end', async () => {
    let victim = -1;
    const device = await settled({
      beforeInference: (handle) => {
        if (handle !== victim) return 'none';
        victim = -1;
        return { slowMs: 600, then: 'engine-deadline' };
      },
    });
    await serve();
    while (device.record?.candidate?.phase !== 'trial') await world.time.advance(100);
    const challenger = Math.max(...device.engine.loaded);
    await world.time.advance(2 * minuteMs);
    assert.equal(device.state.current, 3);
    const before = last(device).totals;
    victim = challenger;
    await world.time.advance(10_000);
    assert.equal(victim, -1);
    for (const each of disagreements(device)) tell(each);
    await world.time.advance(minuteMs);
    for (const each of disagreements(device)) tell(each);
    await world.time.advance(minuteMs + 100);
    assert.equal(device.results.length, device.bursts);
    const { totals } = last(device);
    const told = new Set(disagreements(device).map(({ window }) => window));
    assert.ok(totals.disagreements > before.disagreements);
    // All others were told, so that somebody could say who was right.
    assert.equal(totals.disagreements - told.size, 1);
  });

  it('names the device for good at once, so that a power cut right after the last label changes nothing', async () => {
    const device = await settled();
    await serve();
    await world.time.advance(minuteMs);
    let told = 0;
    for (let second = 0; second < 900 && !device.logged.includes('stepped-aside'); second++) {
      await world.time.advance(1_000);
      const open = disagreements(device);
      for (const each of open.slice(told)) tell(each);
      told = open.length;
    }
    assert.ok(device.logged.includes('stepped-aside'));
    await world.time.advance(100);
    device.losePower();
    const again = start({ disk: device.disk });
    await world.time.advance(2 * minuteMs);
    assert.deepEqual([again.state.current, last(again).aside], [2, 'named']);
  });

  it('is cleared from the broker and the disk when no policy asks for it any more', async () => {
    const device = await settled();
    await compare();
    await world.time.advance(2 * minuteMs);
    assert.ok(device.disk.files.has(`evidence/${slot}`));
    await world.publishPolicy(good);
    await world.time.advance(minuteMs);
    assert.equal(published(device).at(-1), undefined);
    assert.ok(!device.disk.files.has(`evidence/${slot}`));
  });

  it('begins anew under another life where its file is damaged, and says so', async () => {
    const device = await settled();
    await compare();
    await world.time.advance(2 * minuteMs);
    const before = last(device);
    device.losePower();
    device.disk.files.set(`evidence/${slot}`, new Uint8Array([1, 2, 3]));
    const again = start({ disk: device.disk });
    await world.time.advance(2 * minuteMs);
    assert.notDeepEqual(last(again).life, before.life);
    assert.ok(again.story.includes('evidence-lost evidence-unreadable'));
  });

  it('draws its windows over a declared time, and not the next ones in a row', async () => {
    const device = await settled();
    await compare({
      arms: [{ release: bad, shadow: { ...shadow, windows: 60, overMs: 10 * minuteMs } }],
    });
    await world.time.advance(10 * minuteMs);
    const { totals } = last(device);
    assert.ok(totals.windows > 30 && totals.windows < 90, String(totals.windows));
  });

  it('is not published where it could not be written down', async () => {
    let isBroken = false;
    const device = await settled({
      beforeOperation: (_, what) => (isBroken && what.includes('evidence') ? 'fail' : 'go'),
    });
    await compare();
    await world.time.advance(2 * minuteMs);
    isBroken = true;
    const before = published(device).length;
    await world.time.advance(3 * minuteMs);
    assert.equal(published(device).length, before);
    isBroken = false;
    await world.time.advance(2 * minuteMs);
    assert.ok(last(device).totals.windows > 200);
  });
});
