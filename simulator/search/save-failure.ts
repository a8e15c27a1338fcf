import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { CodedError } from '../../protocol/coded-error.js';
import { shippedBoardNames } from '../boards/shipped-boards.js';
import { deviceIdOf } from '../scenario/device-ids.js';
import { loadScenarioText } from '../scenario/load-scenario.js';
import type { Scenario } from '../scenario/scenario.js';
import { presentNumbers } from '../simulation/fleet.js';
import type { Outcome } from '../simulation/outcome.js';
import { Draft } from './draft.js';
import { failureOf } from './failure.js';
import { runSeeds } from './run-seeds.js';
import type { WorkerScenario } from './run-worker.js';
import { shrink } from './shrink.js';

export interface SaveTerms {
  readonly scenario: WorkerScenario;
  /** Where the smaller one goes. */
  readonly folder: string;
  /** Called before each run. */
  readonly progress: (runs: number) => void;
  /** No further run begins after so long. */
  readonly timeoutMs: number;
}

const mostRuns = 80;

/** Shrinks what failed, and saves it as a scenario of its own. Gives the name of the file. Throws `file-unreadable`. */
export async function saveFailure(outcome: Outcome, terms: SaveTerms): Promise<string> {
  const { scenario, folder, progress, timeoutMs } = terms;
  const { seed } = outcome;
  const failure = failureOf(outcome);
  const beganMs = performance.now();
  let runs = 0;
  const fails = async (draft: Draft): Promise<boolean> => {
    if (performance.now() - beganMs > timeoutMs) return false;
    progress(++runs);
    try {
      const smaller: WorkerScenario = { ...scenario, text: draft.text, folder };
      for await (const again of runSeeds(smaller, [seed], 1)) return failureOf(again) === failure;
    } catch {
      // It is no scenario any more, such as one whose fault is due after its end.
    }
    return false;
  };
  const { text, devices } = scenario;
  const whole = loadScenarioText(text, scenario.folder, shippedBoardNames(), { seed, devices });
  const [violation] = outcome.violations;
  const draft = Draft.of(text).withSeed(seed).movedTo(folder, scenario.folder);
  const smallest = await shrink(draft, {
    devices: idsOf(whole),
    device: violation?.device === '' ? undefined : violation?.device,
    durationMs: whole.durationMs,
    failedMs: violation?.atMs ?? whole.durationMs,
    fails,
    mostRuns,
  });
  const file = path.join(folder, `failure-${seed}.yaml`);
  try {
    writeFileSync(file, `# ${outcome.reason.split('\n', 1)[0]}\n${smallest.text}`);
  } catch (error) {
    throw new CodedError('file-unreadable', `${file}: ${String(error)}`);
  }
  return file;
}

function idsOf({ groups, only }: Scenario): string[] {
  return groups.flatMap(({ devices }) => presentNumbers(devices, only).map(deviceIdOf));
}
