import { plantedBugs } from '../planted/bugs.js';
import { PlantedTree } from '../planted/planted-tree.js';
import type { Campaign } from './campaign.js';

/** Every planted bug, one at a time. */
export const plantedCampaign: Campaign = {
  name: 'planted',
  claim: 'Each planted bug makes a test fail that passes without it.',
  run(_, progress) {
    const tree = new PlantedTree();
    const bad: string[] = [];
    try {
      for (const spec of new Set(plantedBugs.flatMap(({ specs }) => specs))) {
        progress(`without a bug: ${spec}`);
        if (!tree.passes([spec])) bad.push(`${spec} fails without a bug`);
      }
      for (const bug of plantedBugs) {
        progress(bug.name);
        try {
          if (!tree.notices(bug)) bad.push(`nobody noticed: ${bug.name}`);
        } catch (error) {
          bad.push(String(error));
        }
      }
    } finally {
      tree.remove();
    }
    const figures = [
      `${plantedBugs.length} bugs planted`,
      `${bad.length} not found`,
      ...plantedBugs.map(({ name, file }) => `${name} (\`${file}\`)`),
    ];
    return Promise.resolve({ figures, bad });
  },
};
