import assert from 'node:assert/strict';
import { Prng } from '../../simulator/prng.js';
import { createCutWorld } from './cut-stories.js';
import { World } from './world.js';

/**
 * A fixed sample; `npm run proof -- power-cut` tries more than a hundred thousand points. The disk loses, tears and
 * reorders what was not synced, below the real storage adapter (`simulator/ports/posix-disk.ts`).
 */
describe('A power cut at every step of the disk', () => {
  let world: World;
  before(async () => {
    world = await World.create();
  });
  after(() => {
    world.end();
  });

  it('loses nothing that was answered and runs nothing unsigned, evidence goes on, and the device converges, cut once and again', async () => {
    const effort = { exhaustive: 2, samples: 1, recoveries: 1, again: 1 };
    const { cuts, stories } = await createCutWorld(world, Prng.fromSeed(2026), effort);
    for (const story of stories) await cuts.cutEverywhere(story, () => undefined);
    const { points, disks, bad } = cuts.counts;
    assert.deepEqual(bad, []);
    assert.ok(points > 1_500 && disks > 600, `${points} points on ${disks} disks`);
  }).timeout(300_000);
});
