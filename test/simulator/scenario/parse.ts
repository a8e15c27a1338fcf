import { CodedError } from '../../../protocol/coded-error.js';
import { accept, refuse } from '../../../protocol/result.js';
import { parseScenario } from '../../../simulator/scenario/parse-scenario.js';
import type { Scenario } from '../../../simulator/scenario/scenario.js';
import type { Overrides, Surroundings } from '../../../simulator/scenario/surroundings.js';

/** Every file is there whose name does not begin with `no-`. */
const around: Surroundings = {
  locate: (name, kind) =>
    name.startsWith('no-')
      ? refuse('scenario-invalid', `must name a ${kind} that can be read`)
      : accept(`/${kind}/${name}`),
  demoFile: (name) => `/demo/${name}`,
  boards: ['pi4', 'nucleo-l4r5'],
};

export function parse(yaml: string, overrides?: Overrides): Scenario {
  return parseScenario(yaml, around, overrides);
}

/** What is said of a scenario that is refused. */
export function refusalOf(yaml: string, overrides?: Overrides): string {
  try {
    parse(yaml, overrides);
  } catch (error) {
    if (error instanceof CodedError && error.code === 'scenario-invalid') return error.detail;
    throw error;
  }
  throw new Error(`this was accepted:\n${yaml}`);
}

/** The least that a scenario can say, on eight lines. */
export const least = [
  'name: least',
  'duration: 12 h',
  'fleet:',
  '  - {count: 3, sensor: {kind: vibration}}',
  'releases:',
  '  v1: {model: a.tflite}',
  '  v2: {model: b.tflite}',
  '',
].join('\n');

/** The least with more lines behind it, the first of them line 8. */
export function leastWith(...lines: readonly string[]): string {
  return `${least}${lines.join('\n')}\n`;
}

/** The least with a text in it replaced. */
export function leastBut(from: string, to: string): string {
  if (!least.includes(from)) throw new Error(`${from} is not there`);
  return least.replace(from, to);
}

/** The least with a rollout `r` on line 9, and one more entry of the timeline on line 10. */
export function leastWithEntry(entry: string): string {
  return leastWith('timeline:', '  - {at: 1 min, rollout: v2, as: r}', `  - ${entry}`);
}
