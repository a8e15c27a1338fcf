import { closeSync, openSync, writeSync } from 'node:fs';
import { compileWasmCore } from '../agent/adapters/engine/wasm-core.js';
import { CodedError } from '../protocol/coded-error.js';
import { shippedBoardNames } from '../simulator/boards/shipped-boards.js';
import { loadScenario } from '../simulator/scenario/load-scenario.js';
import type { Scenario } from '../simulator/scenario/scenario.js';
import { scenarioFileOf } from '../simulator/scenario/shipped-scenarios.js';
import { reportPage } from '../simulator/report/page.js';
import type { RunRecord } from '../simulator/report/run-record.js';
import type { Outcome } from '../simulator/simulation/outcome.js';
import { runScenario } from '../simulator/simulation/run-scenario.js';
import { withSwarm } from '../simulator/search/seeded-scenario.js';
import type { Arguments, ExitCode, Terminal } from './command.js';
import { writeNamedFile } from './files.js';
import { junitOf } from './junit.js';
import { optionalNumber } from './optional-number.js';
import { packageVersion } from './package-version.js';
import { replayOf } from './replay-command.js';
import { junitCasesOf } from './simulate-junit.js';
import { formatTable } from './text-table.js';

/** `tinylamp simulate SCENARIO.yaml`: one run in virtual time. */
export async function simulateScenario(
  file: string,
  given: Arguments,
  terminal: Terminal,
): Promise<ExitCode> {
  const overrides = {
    seed: optionalNumber(given, 'seed', 0, Number.MAX_SAFE_INTEGER),
    devices: optionalNumber(given, 'devices', 1, 100_000),
  };
  const loaded = loadScenario(scenarioFileOf(file), shippedBoardNames(), overrides);
  // The faults of a search belong to a seed that was named.
  const scenario = overrides.seed === undefined ? loaded : withSwarm(loaded);
  const trace = given.text('trace');
  const first = await run(scenario, file, given, terminal, trace);
  if (!given.flag('check-determinism')) return report(first, given, terminal);
  const second = await run(scenario, file, given, terminal, undefined);
  const [a, b] = [first.outcome.hash, second.outcome.hash];
  if (a === b) return report(first, given, terminal);
  const outcome: Outcome = {
    ...first.outcome,
    exit: 13,
    reason: `the same seed gave ${a} and ${b}`,
  };
  return report({ ...first, outcome }, given, terminal);
}

/** What came of a run, and what a report shows of it where one is wanted. */
interface Run {
  readonly scenario: Scenario;
  readonly outcome: Outcome;
  readonly record: RunRecord | undefined;
}

/** More threads than any machine has that one would simulate on. */
const mostShards = 64;

async function run(
  scenario: Scenario,
  file: string,
  given: Arguments,
  terminal: Terminal,
  traceFile: string | undefined,
): Promise<Run> {
  const trace = traceFile === undefined ? undefined : openTrace(traceFile);
  let toldMs = performance.now();
  let record: RunRecord | undefined;
  const wantsRecord = given.text('report') !== undefined;
  try {
    const outcome = await runScenario(scenario, {
      core: await compileWasmCore(),
      agentVersion: packageVersion(),
      revision: packageVersion().join('.'),
      replay: replayOf(file, scenario.seed, given),
      shards: optionalNumber(given, 'shards', 1, mostShards) ?? 1,
      remembers: !given.flag('no-memo'),
      ...(trace && { writeTrace: trace.write }),
      ...(wantsRecord && { recorded: (recorded) => (record = recorded) }),
      progress: (virtualMs) => {
        if (performance.now() - toldMs < 1_000) return;
        toldMs = performance.now();
        terminal.progress(
          `${Math.floor((100 * virtualMs) / scenario.durationMs)} % of ${scenario.name}`,
        );
      },
    });
    return { scenario, outcome, record };
  } finally {
    trace?.close();
  }
}

function openTrace(file: string): { write: (line: string) => void; close: () => void } {
  try {
    const descriptor = openSync(file, 'w');
    return {
      write: (line) => void writeSync(descriptor, line),
      close: () => {
        closeSync(descriptor);
      },
    };
  } catch (error) {
    throw new CodedError('usage-invalid', `--trace ${file}: ${String(error)}`);
  }
}

function report(
  { scenario, outcome, record }: Run,
  given: Arguments,
  terminal: Terminal,
): ExitCode {
  const write = (file: string | undefined, text: () => string): void => {
    if (file !== undefined) writeNamedFile(file, new TextEncoder().encode(text()));
  };
  write(given.text('junit'), () => junitOf(outcome.scenario, junitCasesOf(outcome, scenario)));
  if (record !== undefined) write(given.text('report'), () => reportPage(outcome, record));
  if (given.flag('json')) terminal.printJson(outcome);
  else for (const line of linesOf(outcome)) terminal.print(line);
  return outcome.exit;
}

function* linesOf(outcome: Outcome): Generator<string> {
  const { windows, virtualMs, wallMs, devices, deviceMinutesPerSecond } = outcome;
  yield `${outcome.scenario}, seed ${outcome.seed}: ${devices} devices, ${Math.round(virtualMs / 60_000)} minutes in ${(wallMs / 1000).toFixed(1)} s (${deviceMinutesPerSecond} device-minutes a second)`;
  const counts = Object.entries(windows).map(([name, count]) => `${count} ${name}`);
  yield `windows: ${counts.join(', ')}`;
  const releases = Object.entries(outcome.releases).map(([name, count]) => `${name} on ${count}`);
  yield `releases: ${releases.join(', ')}`;
  for (const [name, { ends, reason, served, windowsServed }] of Object.entries(outcome.rollouts)) {
    const because = reason === undefined ? '' : ` (${reason})`;
    yield `rollout ${name}: ${ends}${because}, served ${Math.round(100 * served)} % of the devices, ${windowsServed} windows`;
  }
  for (const line of outcome.refused) yield `refused: ${line}`;
  const rows = outcome.expectations.map(({ text, held, value }) => [
    held ? 'held' : 'not held',
    text,
    value === undefined ? '' : String(value),
  ]);
  if (rows.length > 0) yield* formatTable(['', 'expected', 'it was'], rows);
  const violated = outcome.violations.map((each) => [
    each.checker,
    each.device,
    `${Math.round(each.atMs / 1000)} s`,
    each.text,
  ]);
  if (violated.length > 0) yield* formatTable(['violated', 'device', 'at', 'what'], violated);
  yield `liveness: ${outcome.liveness}`;
  yield `exit ${outcome.exit}: ${outcome.reason}`;
  yield `hash ${outcome.hash}`;
  if (outcome.exit !== 0) yield `replay: ${outcome.replay}`;
}
