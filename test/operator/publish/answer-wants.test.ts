import assert from 'node:assert/strict';
import { createNodeCrypto } from '../../../agent/adapters/node-crypto.js';
import { toHex } from '../../../protocol/bytes.js';
import type { ReleaseFile } from '../../../protocol/documents/release-file.js';
import { answerWants, type Supplies } from '../../../operator/publish/answer-wants.js';
import { readManifests } from '../../../operator/publish/standing.js';
import { World } from '../../simulation/world.js';

const minuteMs = 60_000;

describe('What devices miss', () => {
  let world: World;
  let release: ReleaseFile;
  let answered: string[];

  beforeEach(async () => {
    world = await World.create();
    answered = [];
    release = world.inManyBlocks(await world.workshop.build('vibration-v1', 1));
    await world.publish(release);
  });
  afterEach(() => {
    world.end();
  });

  const answer = (...releases: ReleaseFile[]): void => {
    supply({ releases, manifests: [] });
  };
  const supply = (supplies: Supplies): void => {
    const scheduler = world.time.createScheduler();
    answerWants(world.broker.createTransport({ scheduler, spoolBytes: 1e6 }), supplies, {
      topics: world.topics,
      crypto: createNodeCrypto(),
      clock: world.time,
      answered: (topic) => answered.push(topic),
      problem: () => undefined,
    });
  };
  const manifestTopic = (): string => world.topics.manifest('vibration', 1);
  const digest = (): string => toHex(release.manifest.artifacts[0]?.digest ?? new Uint8Array());
  const ask = (topic: string, want: unknown): void => {
    const payload = new TextEncoder().encode(JSON.stringify(want));
    world.broker.publish({ topic, payload, retained: false });
  };

  it('is put back from a release that is known: blocks, wrong blocks and manifests', async () => {
    answer(release);
    const lost = [world.blockTopic(release, 0), manifestTopic()];
    for (const topic of lost) world.broker.retained.delete(topic);
    const wrong = world.blockTopic(release, 1);
    world.broker.retained.set(wrong, Uint8Array.of(1));
    const device = world.startDevice();
    await world.time.advance(minuteMs);
    assert.equal(device.state.current, 1, device.story.join('\n'));
    assert.deepEqual(new Set(answered), new Set([...lost, wrong]));
  });

  it('is put back from the key folder where the release is not at hand: manifests, and no blocks', async () => {
    const tools = { keys: world.keys, crypto: createNodeCrypto(), topics: world.topics };
    const manifests = readManifests(tools);
    assert.deepEqual(
      manifests.map(({ topic }) => topic),
      [manifestTopic()],
    );
    supply({ releases: [], manifests });
    const lost = world.broker.retained.get(manifestTopic());
    world.broker.retained.delete(manifestTopic());
    const device = world.startDevice();
    await world.time.advance(minuteMs);
    assert.equal(device.state.current, 1, device.story.join('\n'));
    assert.deepEqual(world.broker.retained.get(manifestTopic()), lost);
    ask(world.topics.want(digest()), { device: 'x', blockSize: 4096, blocks: [0] });
    await world.time.advance(1_000);
    assert.deepEqual(answered, [manifestTopic()]);
  });

  it('is not put back more often, however many ask', async () => {
    answer(release);
    world.broker.retained.delete(world.blockTopic(release, 0));
    for (const deviceId of ['press-7', 'press-8', 'press-9']) world.startDevice({ deviceId });
    await world.time.advance(minuteMs);
    assert.deepEqual(answered, [world.blockTopic(release, 0)]);
  });

  it('is asked for with back-off, and no more often', async () => {
    world.broker.retained.delete(world.blockTopic(release, 0));
    world.startDevice();
    await world.time.advance(6 * 3_600_000);
    const wants = world.messages.filter(({ topic }) => topic.endsWith('/want'));
    // 5 s, 10 s … up to an hour, with some seconds of patience each.
    assert.ok(wants.length >= 12 && wants.length <= 20, `${wants.length} wants in six hours`);
  });

  it('is put back as its manifest cuts it, and in no other way', async () => {
    answer(release);
    await world.time.advance(1_000);
    for (const want of [
      { device: 'x', blockSize: 8192, blocks: [0] },
      { device: 'x', blockSize: 4096, blocks: [100_000] },
      { device: 'x', blockSize: 4096, blocks: [4000] },
      { device: 'x', blockSize: 4096, blocks: Array.from({ length: 65 }, (_, i) => i) },
      { device: 'x', blocks: [0] },
      { device: 'x', blockSize: 4096 },
      ['x'],
    ]) {
      ask(world.topics.want(digest()), want);
    }
    ask(world.topics.want('0'.repeat(64)), { device: 'x', blockSize: 4096, blocks: [0] });
    await world.time.advance(1_000);
    assert.deepEqual(answered, []);
    ask(world.topics.want(digest()), { device: 'x', blockSize: 4096, blocks: [0] });
    await world.time.advance(1_000);
    assert.deepEqual(answered, [world.blockTopic(release, 0)]);
  });
});
