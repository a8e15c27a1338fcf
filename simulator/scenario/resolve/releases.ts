import type { Report } from '../problems.js';
import { located } from './fleet.js';
import type { Release } from '../scenario.js';
import type { ScenarioFile } from '../schema/scenario-file.js';
import type { Surroundings } from '../surroundings.js';

const demoModels = ['vibration-v1', 'vibration-v2', 'vibration-v3'];
const demoPrefix = 'demo:';

/** Releases in the order of the file, with the paths of what they are built of. */
export function resolveReleases(
  given: ScenarioFile['releases'],
  around: Surroundings,
  report: Report,
): readonly Release[] {
  if (Object.keys(given).length === 0) report(['releases'], 'must have at least one release');
  return Object.entries(given).map(([name, release]): Release => {
    const path = ['releases', name] as const;
    if (name === 'none') report(path, 'must have another name: none stands for no release');
    const file = (key: 'labels' | 'pipeline' | 'reference'): string | undefined =>
      release[key] &&
      located(around, release[key], 'file', (message) => {
        report([...path, key], message);
      });
    const models = release.model.map((model, i) => {
      const problem = (message: string): void => {
        report([...path, 'model', ...(release.model.length > 1 ? [i] : [])], message);
      };
      if (!model.startsWith(demoPrefix)) return located(around, model, 'file', problem);
      const demo = model.slice(demoPrefix.length);
      if (demoModels.includes(demo)) return around.demoFile(`${demo}.tflite`);
      problem(
        `must be a file, or one of ${demoModels.map((each) => demoPrefix + each).join(', ')}`,
      );
      return model;
    });
    const isDemo = release.model.length === 1 && release.model[0]?.startsWith(demoPrefix) === true;
    const ofDemo = (shipped: string): string | undefined =>
      isDemo ? around.demoFile(shipped) : undefined;
    return {
      name,
      models,
      // A model of the demo is of no use without what it was made with.
      labels: file('labels') ?? ofDemo('labels.txt'),
      pipeline: file('pipeline') ?? ofDemo('pipeline.json'),
      reference: file('reference'),
      damage: release.damage,
      behaves: release.behaves,
    };
  });
}
