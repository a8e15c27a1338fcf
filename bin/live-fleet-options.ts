import { createNodeCrypto } from '../agent/adapters/node-crypto.js';
import { CodedError } from '../protocol/coded-error.js';
import { deviceIdPattern } from '../protocol/topics.js';
import { shippedBoardNames } from '../simulator/boards/shipped-boards.js';
import { describeFleet } from '../simulator/live/describe-fleet.js';
import type { LiveDescription } from '../simulator/live/live-device.js';
import { isOfLive } from '../simulator/live/live-terms.js';
import { describeMachines } from '../simulator/live/machines.js';
import { buildReleases } from '../simulator/people/releases.js';
import { createSeededKey } from '../simulator/ports/seeded-key.js';
import type { Expectation } from '../simulator/scenario/expectation.js';
import { loadScenario } from '../simulator/scenario/load-scenario.js';
import type { Labels, Scenario } from '../simulator/scenario/scenario.js';
import { scenarioFileOf } from '../simulator/scenario/shipped-scenarios.js';
import { conditions } from '../simulator/signals/condition.js';
import { environments, type EnvironmentName } from '../simulator/signals/environment.js';
import { truthTopicOf } from '../simulator/simulation/traffic.js';
import type { Arguments } from './command.js';
import { optionalNumber } from './optional-number.js';

/** The devices of a live run, and what is expected of them. */
export interface LiveFleetTerms {
  readonly seed: number;
  readonly devices: readonly LiveDescription[];
  readonly slot: string;
  readonly periodMs: number;
  readonly labels: Labels | undefined;
  readonly classes: readonly string[];
  readonly expectations: readonly Expectation[];
  /** How long the scenario lasts. */
  readonly seconds: number | undefined;
}

interface Tools {
  readonly core: WebAssembly.Module;
  readonly nowMs: () => number;
  readonly notice: (text: string) => void;
}

/** Everybody tells everything at once. */
const allLabels: Labels = { share: 1, of: 'windows', delayMs: 0, wrong: 0 };

const mostDevices = 10_000;
const mostNumber = 10_000_000;

/** The fleet that the options describe, or a scenario. Throws `usage-invalid` and `scenario-invalid`. */
export function readLiveFleet(
  scenarioFile: string | undefined,
  given: Arguments,
  tools: Tools,
): Promise<LiveFleetTerms> {
  if (scenarioFile !== undefined) return readScenarioFleet(scenarioFile, given, tools);
  return Promise.resolve(readMachines(given));
}

function readMachines(given: Arguments): LiveFleetTerms {
  const seed = numberOr(given, 'seed', 0, Number.MAX_SAFE_INTEGER, 1);
  const periodMs = numberOr(given, 'period', 10, 3_600_000, 1_000);
  const hasLabels = given.flag('labels');
  return {
    seed,
    devices: describeMachines({
      seed,
      devices: numberOr(given, 'devices', 1, mostDevices, 20),
      first: numberOr(given, 'first', 1, mostNumber, 1),
      idOf: readIdFormat(given.text('id-format') ?? 'sim-%04d'),
      environment: environmentOf(given.text('environment') ?? 'laboratory'),
      periodMs,
      framesPerBurst: numberOr(given, 'frames', 1, 65_536, 256),
      truthTopicOf: hasLabels ? truthTopicOf : undefined,
    }),
    slot: given.text('slot') ?? 'vibration',
    periodMs,
    labels: hasLabels ? allLabels : undefined,
    classes: conditions,
    expectations: [],
    seconds: undefined,
  };
}

/** What the fleet of a scenario is made by, so that an option may not say something else. */
const textsOfScenario = ['slot', 'environment', 'id-format'] as const;
const numbersOfScenario = ['period', 'frames', 'first'] as const;

async function readScenarioFleet(
  file: string,
  given: Arguments,
  { core, nowMs, notice }: Tools,
): Promise<LiveFleetTerms> {
  const said = [
    ...textsOfScenario.filter((name) => given.text(name) !== undefined),
    ...numbersOfScenario.filter((name) => given.number(name) !== undefined),
  ];
  for (const name of said) {
    throw new CodedError('usage-invalid', `--${name} and a scenario: the scenario says that`);
  }
  const scenario = loadScenario(scenarioFileOf(file), shippedBoardNames(), {
    seed: optionalNumber(given, 'seed', 0, Number.MAX_SAFE_INTEGER),
    devices: optionalNumber(given, 'devices', 1, mostDevices),
  });
  const key = createSeededKey(`${scenario.seed}/operator`);
  const crypto = createNodeCrypto();
  const built = await buildReleases(scenario.releases, scenario.slot, { core, crypto, key });
  const releases = [...built.values()];
  const expectations = scenario.expectations.filter(isOfLive);
  tellWhatIsLeftOut(scenario, expectations, notice);
  return {
    seed: scenario.seed,
    devices: describeFleet(scenario, releases, nowMs),
    slot: scenario.slot,
    periodMs: scenario.periodMs,
    labels: scenario.labels,
    classes: [...new Set(releases.flatMap((each) => each.classes))],
    expectations,
    seconds: scenario.durationMs / 1000,
  };
}

function tellWhatIsLeftOut(
  { releases, timeline, swarm, expectations }: Scenario,
  kept: readonly Expectation[],
  notice: (text: string) => void,
): void {
  const left = [
    ...(releases.length > 0 ? ['releases'] : []),
    ...(timeline.length > 0 ? ['timeline'] : []),
    ...(swarm.length > 0 ? ['swarm'] : []),
    'broker',
  ];
  notice(
    `warning: a live run leaves out ${left.join(', ')} of the scenario; publish releases with tinylamp publish`,
  );
  for (const expectation of expectations) {
    if (!kept.includes(expectation)) notice(`warning: left out: expect: ${expectation.text}`);
  }
}

/** What makes ids of numbers, from a text such as `sim-%04d`. */
function readIdFormat(format: string): (number: number) => string {
  const match = /^([A-Za-z0-9_-]*)%(?:0([1-9]))?d([A-Za-z0-9_-]*)$/.exec(format);
  if (match === null || !deviceIdPattern.test(format.replace(/%(0[1-9])?d/, '9'.repeat(9))))
    throw new CodedError(
      'usage-invalid',
      `--id-format must be a text such as sim-%04d of letters, digits, - and _, at most 64 long`,
    );
  const [, before = '', digits = '1', after = ''] = match;
  return (number) => `${before}${String(number).padStart(Number(digits), '0')}${after}`;
}

function environmentOf(name: string): EnvironmentName {
  const found = Object.keys(environments).find((each) => each === name);
  if (found === undefined) {
    throw new CodedError(
      'usage-invalid',
      `--environment must be one of ${Object.keys(environments).join(', ')}`,
    );
  }
  return found as EnvironmentName;
}

function numberOr(
  given: Arguments,
  name: string,
  least: number,
  most: number,
  usual: number,
): number {
  return optionalNumber(given, name, least, most) ?? usual;
}
