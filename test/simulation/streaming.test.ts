import assert from 'node:assert/strict';
import { buildRelease } from '../../operator/release/build-release.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { writeStreamingModel } from '../helpers/model-file.js';
import { assertChampionUnmoved } from './answers.js';
import { settle } from './settle.js';
import { World } from './world.js';

describe('A release that answers each second window', () => {
  let world: World;
  let usual: ReleaseFile;
  beforeEach(async () => {
    world = await World.create();
    usual = await world.workshop.build('vibration-v1', 1);
  });
  afterEach(() => {
    world.end();
  });

  const streaming = (sequence: number): Promise<ReleaseFile> =>
    buildRelease(
      {
        model: writeStreamingModel(768),
        labels: [],
        pipeline: () => usual.manifest.pipeline,
        slot: 'vibration',
        name: 'streaming',
        version: '',
        sequence,
        epoch: 0,
      },
      world.tools,
    );

  it('passes its trial, and the windows in between are no failures and not lost', async () => {
    const device = await settle(world, world.startDevice(), await streaming(1));
    await world.time.advance(120_000);
    const numbers = device.results.map(({ window }) => window);
    assert.ok(numbers.length > 50, String(numbers.length));
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => 2 * (i + 1)),
    );
    const [windows, answers, waited] = ['windows', 'answers', 'windows-waited'].map((name) =>
      device.counted(name),
    );
    assert.equal((answers ?? 0) + (waited ?? 0), windows);
    assert.equal(answers, Math.floor((windows ?? 0) / 2));
    assert.deepEqual([device.counted('failures'), device.counted('windows-dropped')], [0, 0]);
  });

  it('is compared on the windows that it answers, and the champion hears nothing of it', async () => {
    const device = await settle(world, world.startDevice(), usual);
    const challenger = await streaming(2);
    await world.publishContent(challenger);
    await world.publishPolicy(usual, {
      arms: [{ release: challenger, shadow: { windows: 20, budgetPermille: 1000 } }],
    });
    await world.time.advance(120_000);
    assert.ok(device.story.includes('2 shadow-finished'), device.story.join(', '));
    const shadowed = device.totals.flatMap(({ releases }) =>
      releases.filter(({ mode }) => mode === 'shadow'),
    );
    const [total] = shadowed.map(({ windows, skipped, failures }) => [windows, skipped, failures]);
    assert.deepEqual(total, [20, 20, 0]);
    assertChampionUnmoved(device);
  });
});
