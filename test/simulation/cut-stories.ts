import { createHash } from 'node:crypto';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { emptyImage, type DiskImage } from '../../simulator/ports/posix-tree.js';
import type { Prng } from '../../simulator/prng.js';
import { PowerCuts, type CutEffort, type CutStory } from './power-cuts.js';
import type { World } from './world.js';

/** A world in which the power can be cut, and what devices in it are in the middle of. */
export interface CutWorld {
  readonly cuts: PowerCuts;
  readonly stories: readonly CutStory[];
}

/** Publishes what the stories need, and brings a disk to where each of them begins. */
export async function createCutWorld(
  world: World,
  prng: Prng,
  effort: CutEffort,
): Promise<CutWorld> {
  const releases: ReleaseFile[] = [];
  for (const [i, model] of (['vibration-v1', 'vibration-v2', 'vibration-v1'] as const).entries()) {
    releases.push(world.inManyBlocks(await world.workshop.build(model, i + 1)));
  }
  const [first, second, third] = releases as [ReleaseFile, ReleaseFile, ReleaseFile];
  const models = releases.flatMap(({ artifacts }) =>
    artifacts.map((bytes) => createHash('sha256').update(bytes).digest('hex')),
  );
  const cuts = new PowerCuts(world, prng, effort, new Set(models));
  const stories: CutStory[] = [];
  /** Tells a story from what is published now. */
  const tell = async (
    name: string,
    before: DiskImage,
    [current, ...others]: readonly [number, ...number[]],
    more: Pick<CutStory, 'compares' | 'cutsBefore'> = {},
  ): Promise<DiskImage> => {
    const ofOperator = [...world.broker.retained].filter(
      ([topic]) => world.topics.parseDevice(topic) === undefined,
    );
    const story = {
      name,
      before,
      retained: new Map(ofOperator),
      current,
      allowed: [current, ...others],
      ...more,
    };
    stories.push(story);
    return cuts.install(story);
  };

  await world.publish(first);
  const withFirst = await tell('the first installation', emptyImage, [1]);
  await tell('a start with nothing new', withFirst, [1]);
  await world.publish(second);
  const withSecond = await tell('an update', withFirst, [2, 1]);
  await world.publishPolicy(first);
  await tell('a roll-back that a signed policy asks for', withSecond, [1, 2]);
  await world.publishPolicy(second, { promoted: 2 });
  await tell('a promotion', withSecond, [2]);
  await world.publish(world.withManifest(second, { sequence: 5 }));
  await tell('an adoption of the running image under a later number', withSecond, [5, 2]);
  await world.publish(world.withManifest(third, { sequence: 6 }));
  await tell('an update of a device that has a way back', withSecond, [6, 2]);
  const challenger = world.withManifest(third, { sequence: 6 });
  await world.publishPolicy(second, {
    arms: [{ release: challenger, shadow: { windows: 1_000, budgetPermille: 1000 } }],
    evidence: { devices: 48, alphaPermille: 1, deviceMarginPermille: 900, blockWindows: 2 },
  });
  const comparing = await tell('the beginning of a comparison', withSecond, [2], {
    compares: true,
  });
  await tell('a comparison under way', comparing, [2], { compares: true, cutsBefore: 1 });
  return { cuts, stories };
}
