import { availableParallelism } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { shippedBoardNames } from '../simulator/boards/shipped-boards.js';
import { loadScenarioText, readScenarioText } from '../simulator/scenario/load-scenario.js';
import { scenarioFileOf } from '../simulator/scenario/shipped-scenarios.js';
import { runSeeds } from '../simulator/search/run-seeds.js';
import type { WorkerScenario } from '../simulator/search/run-worker.js';
import { saveFailure } from '../simulator/search/save-failure.js';
import { countVerdicts, noVerdicts } from '../simulator/search/verdict-counts.js';
import type { Outcome, RunExit } from '../simulator/simulation/outcome.js';
import type { Arguments, ExitCode, Terminal } from './command.js';
import { writeNamedFile } from './files.js';
import { junitOf, type JunitCase } from './junit.js';
import { optionalNumber } from './optional-number.js';
import { packageVersion } from './package-version.js';
import { replayOf } from './replay-command.js';

/** Several reasons to fail: the first of these. */
const worstFirst: readonly RunExit[] = [12, 13, 10, 11];

/** The failures that are shrunk and saved: others of the same search are mostly the same. */
const mostSaved = 3;

/** No run to shrink a failure begins after so long. */
const shrinkMs = 120_000;

/** What a search has come to. */
interface SearchSummary {
  readonly failed: { seed: number; exit: RunExit; reason: string }[];
  readonly sometimes: Map<string, number>;
  readonly verdicts: ReturnType<typeof noVerdicts>;
  held: number;
}

/** `tinylamp simulate SCENARIO.yaml --search N`: seed after seed, each with the faults that it draws. */
export async function searchScenario(
  file: string,
  given: Arguments,
  terminal: Terminal,
): Promise<ExitCode> {
  const count = given.wholeNumber('search', 1, 1_000_000);
  const devices = optionalNumber(given, 'devices', 1, 100_000);
  const located = scenarioFileOf(file);
  const text = readScenarioText(located);
  const folder = path.dirname(path.resolve(located));
  const scenario = loadScenarioText(text, folder, shippedBoardNames(), { devices });
  const first = optionalNumber(given, 'seed', 0, Number.MAX_SAFE_INTEGER - count) ?? scenario.seed;
  const seeds = Array.from({ length: count }, (_, i) => first + i);
  const revision = packageVersion().join('.');
  const worker: WorkerScenario = {
    text,
    folder,
    devices,
    agentVersion: packageVersion(),
    revision,
  };
  const threads = optionalNumber(given, 'jobs', 1, 64) ?? availableParallelism();
  const sometimes = scenario.expectations.filter((each) => each.sometimes).map((each) => each.text);
  const summary: SearchSummary = {
    failed: [],
    sometimes: new Map(sometimes.map((each) => [each, 0])),
    verdicts: noVerdicts(),
    held: 0,
  };
  const cases: JunitCase[] = [];
  for await (const outcome of runSeeds(worker, seeds, threads)) {
    const replay = replayOf(file, outcome.seed, given);
    take({ ...outcome, replay }, summary);
    countVerdicts(summary.verdicts, outcome, scenario);
    const mustSave = outcome.exit !== 0 && summary.failed.length <= mostSaved;
    const saved = mustSave ? await save(outcome, worker, terminal) : undefined;
    cases.push(junitCaseOf({ ...outcome, replay }));
    const told = { ...outcome, replay, ...(saved !== undefined && { saved }) };
    if (given.flag('json')) terminal.printJson(told);
    else if (outcome.exit !== 0) for (const line of linesOfFailure(told)) terminal.print(line);
    const done = summary.held + summary.failed.length;
    terminal.progress(`${done} of ${count} seeds, ${summary.failed.length} failed`);
  }
  const junit = given.text('junit');
  if (junit !== undefined)
    writeNamedFile(junit, new TextEncoder().encode(junitOf(scenario.name, cases)));
  return conclude(summary, count, given, terminal);
}

function take(outcome: Outcome, summary: SearchSummary): void {
  const { seed, exit, reason, expectations } = outcome;
  if (exit === 0) summary.held++;
  else summary.failed.push({ seed, exit, reason });
  for (const { text, held } of expectations) {
    const times = summary.sometimes.get(text);
    if (times !== undefined && held) summary.sometimes.set(text, times + 1);
  }
}

async function save(
  outcome: Outcome,
  scenario: WorkerScenario,
  terminal: Terminal,
): Promise<string> {
  return saveFailure(outcome, {
    scenario,
    folder: process.cwd(),
    timeoutMs: shrinkMs,
    progress: (runs) => {
      terminal.progress(
        `seed ${outcome.seed} failed: ${outcome.reason}; making it smaller, run ${runs}`,
      );
    },
  });
}

/** A seed as a case of a suite. */
function junitCaseOf({ seed, exit, reason, replay }: Outcome): JunitCase {
  const failure = { type: `exit ${exit}`, message: `${reason}; replay: ${replay}` };
  return { name: `seed ${seed}`, failure: exit === 0 ? undefined : failure };
}

function* linesOfFailure(outcome: Outcome & { readonly saved?: string }): Generator<string> {
  yield `seed ${outcome.seed}, exit ${outcome.exit}: ${outcome.reason}`;
  yield `  replay: ${outcome.replay}`;
  if (outcome.saved !== undefined) yield `  smaller: ${outcome.saved}`;
}

function conclude(
  { failed, held, sometimes, verdicts }: SearchSummary,
  seeds: number,
  given: Arguments,
  terminal: Terminal,
): ExitCode {
  const never = [...sometimes].filter(([, times]) => times === 0).map(([text]) => text);
  const worst = worstFirst.find((exit) => failed.some((each) => each.exit === exit));
  const exit = worst ?? (never.length > 0 ? 11 : 0);
  if (given.flag('json')) {
    terminal.printJson({
      event: 'summary',
      seeds,
      held,
      failed,
      sometimes: Object.fromEntries(sometimes),
      verdicts,
      exit,
    });
    return exit;
  }
  terminal.print(`${seeds} seeds: ${held} held, ${failed.length} failed`);
  for (const [text, times] of sometimes) terminal.print(`sometimes ${text}: in ${times}`);
  const counted = Object.entries(verdicts).filter(([, times]) => times > 0);
  if (counted.length > 0)
    terminal.print(`verdicts: ${counted.map(([name, times]) => `${times} ${name}`).join(', ')}`);
  for (const text of never) terminal.print(`never held: ${text}`);
  terminal.print(`exit ${exit}`);
  return exit;
}
