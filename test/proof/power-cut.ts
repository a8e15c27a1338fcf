import { Prng } from '../../simulator/prng.js';
import { createCutWorld } from '../simulation/cut-stories.js';
import { World } from '../simulation/world.js';
import type { Campaign } from './campaign.js';

const effort = { exhaustive: 64, samples: 12, recoveries: 90, again: 4 };

/** Power cuts at every step of the disk, and again at every step of the recovery. */
export const powerCutCampaign: Campaign = {
  name: 'power-cut',
  claim:
    'After any power cut, on a disk that loses, tears and reorders whatever was not synced, what was committed is ' +
    'served before the broker is there, nothing unsigned is run, no floor falls, what was told of a ' +
    'comparison goes on in its life without a window counted twice, and the device converges.',
  async run(seed, progress) {
    const world = await World.create();
    try {
      const { cuts, stories } = await createCutWorld(world, Prng.fromSeed(seed), effort);
      for (const story of stories) await cuts.cutEverywhere(story, progress);
      const { points, disks, bad } = cuts.counts;
      const figures = [
        `${points} points: pairs of a step of the disk and a state that a cut leaves there`,
        `${disks} different disks that a device was started on`,
        `${stories.length} stories: ${stories.map(({ name }) => name).join(', ')}`,
        `${bad.length} bad states`,
      ];
      return { figures, bad };
    } finally {
      world.end();
    }
  },
};
