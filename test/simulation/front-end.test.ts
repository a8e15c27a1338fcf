import assert from 'node:assert/strict';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { buildRelease, withSelfTest } from '../../operator/release/build-release.js';
import { expectOk } from '../../protocol/coded-error.js';
import type { Pipeline } from '../../protocol/documents/pipeline.js';
import { parseSelfTest } from '../../protocol/documents/self-test.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { writeEchoModel } from '../helpers/model-file.js';
import { assertChampionUnmoved, assertEveryWindowAnswered } from './answers.js';
import { settle } from './settle.js';
import { World } from './world.js';

describe('A release with a front end', () => {
  let world: World;
  let usual: ReleaseFile;
  beforeEach(async () => {
    world = await World.create();
    usual = await world.workshop.build('vibration-v1', 1);
  });
  afterEach(() => {
    world.end();
  });

  /** The demo's model behind one that gives its slices back. */
  const chained = (sequence: number, change: Partial<Pipeline> = {}): Promise<ReleaseFile> =>
    buildRelease(
      {
        model: usual.artifacts[0] ?? new Uint8Array(),
        frontEnd: writeEchoModel(192),
        labels: [],
        pipeline: (models) => ({
          ...usual.manifest.pipeline,
          models,
          frontEnd: { frames: 64, stride: 64 },
          ...change,
        }),
        slot: 'vibration',
        name: 'in slices',
        version: '',
        sequence,
        epoch: 0,
      },
      world.tools,
    );

  it('is fetched, tested and committed with both models, and answers each window', async () => {
    const device = await settle(world, world.startDevice(), await chained(1));
    await world.time.advance(60_000);
    assert.equal(device.story.at(-1), '1 committed');
    assert.ok(device.results.length > 50, String(device.results.length));
    assertEveryWindowAnswered(device);
  });

  it('takes over from a release of one model, and no window is lost', async () => {
    const device = await settle(world, world.startDevice(), usual);
    await world.publish(await chained(2));
    await world.time.advance(60_000);
    assert.equal(device.record?.current?.sequence, 2);
    assertEveryWindowAnswered(device);
  });

  it('goes along a stream with a mean over three windows, which the first two have no answer for', async () => {
    const { window } = usual.manifest.pipeline;
    const listening = await chained(1, {
      window: { ...window, stride: 128 },
      frontEnd: { frames: 64, stride: 64, per: 'stream' },
      decision: { kind: 'argmax', average: 3 },
    });
    const device = await settle(world, world.startDevice(), listening);
    await world.time.advance(60_000);
    assert.equal(device.story.at(-1), '1 committed');
    const numbers = device.results.map(({ window: number }) => number);
    assert.ok(numbers.length > 50, String(numbers.length));
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i + 3),
    );
    assert.deepEqual(
      ['windows-waited', 'failures', 'windows-dropped'].map((name) => device.counted(name)),
      [2, 0, 0],
    );
  });

  it('is compared along a stream, and the champion hears nothing of it', async () => {
    const device = await settle(world, world.startDevice(), usual);
    const challenger = await chained(2, { decision: { kind: 'argmax', average: 2 } });
    await world.publishContent(challenger);
    await world.publishPolicy(usual, {
      arms: [{ release: challenger, shadow: { windows: 20, budgetPermille: 1000 } }],
    });
    await world.time.advance(120_000);
    assert.ok(device.story.includes('2 shadow-finished'), device.story.join(', '));
    assertChampionUnmoved(device);
  });

  it('is refused where the golden vectors of its second model do not come out', async () => {
    const device = await settle(world, world.startDevice(), usual);
    const second = await chained(2);
    const at = second.manifest.artifacts.findIndex(({ role }) => role === 'self-test');
    const test = expectOk(parseSelfTest(second.artifacts[at] ?? new Uint8Array()));
    const further = (test.further ?? []).map((model) => ({
      ...model,
      vectors: model.vectors.map((vector) => ({ ...vector, outputs: vector.outputs.toReversed() })),
    }));
    const tools = { crypto: createNodeCrypto(), key: world.keys.key };
    await world.publish(withSelfTest(second, { ...test, further }, tools));
    await world.time.advance(60_000);
    assert.equal(device.story.at(-1), '2 rejected self-test-mismatch');
    assertEveryWindowAnswered(device);
  });

  it('is refused where its golden vectors are of more models than it has', async () => {
    const second = await chained(2);
    const at = second.manifest.artifacts.findIndex(({ role }) => role === 'self-test');
    const test = expectOk(parseSelfTest(second.artifacts[at] ?? new Uint8Array()));
    const further = [...(test.further ?? []), ...(test.further ?? [])];
    const tools = { crypto: createNodeCrypto(), key: world.keys.key };
    const device = world.startDevice();
    await world.publish(withSelfTest(second, { ...test, further }, tools));
    await world.time.advance(60_000);
    assert.equal(device.story.at(-1), '2 rejected self-test-mismatch');
  });

  it('is refused where both models together need more than it promises', async () => {
    const device = await settle(world, world.startDevice(), usual);
    const second = await chained(2);
    const budget = { ...second.manifest.budget, arenaBytes: second.manifest.budget.arenaBytes - 1 };
    await world.publish(world.withManifest(second, { budget }));
    await world.time.advance(60_000);
    assert.equal(device.story.at(-1), '2 rejected arena-too-small');
    assertEveryWindowAnswered(device);
  });

  it('is refused where its slices do not make the input of the next model', async () => {
    const device = await settle(world, world.startDevice(), usual);
    const second = await chained(2);
    const pipeline = { ...second.manifest.pipeline, frontEnd: { frames: 64, stride: 65 } };
    await world.publish(world.withManifest(second, { pipeline }));
    await world.time.advance(60_000);
    assert.equal(device.story.at(-1), '2 rejected pipeline-mismatch');
    assertEveryWindowAnswered(device);
  });
});
