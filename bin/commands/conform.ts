import { compileWasmCore } from '../../agent/adapters/engine/wasm-core.js';
import { CodedError } from '../../protocol/coded-error.js';
import { codeOfEngineNumber } from '../../protocol/engine-codes.js';
import { coreFiles } from '../../wasm/loader/builds.js';
import {
  ConformanceFolderError,
  readConformanceFolder,
  type ConformanceCase,
} from '../../wasm/workbench/conformance-folder.js';
import type { CaseFailure, CaseOutcome } from '../../wasm/workbench/run-case.js';
import { runConformance } from '../../wasm/workbench/run-conformance.js';
import { jsonOption, type Command } from '../command.js';
import { writeNamedFile } from '../files.js';
import { junitOf, type JunitCase } from '../junit.js';

/** At most one line of progress in this time. */
const progressPeriodMs = 1000;

/** `tinylamp conform`: does the core compute what TensorFlow Lite Micro computes? */
export const conformCommand: Command = {
  words: 'conform',
  summary: 'Compare the inference core with recorded results of TensorFlow Lite Micro.',
  positionals: [{ name: 'folder', describe: 'The conformance folder, with index.json.' }],
  options: {
    junit: { type: 'text', describe: 'A file for the outcomes in the XML of JUnit, for CI.' },
    build: {
      type: 'text',
      describe:
        'The build of the core: plain, simd128 or relaxed. Else what TINYLAMP_WASM names, a build or a file, or the fastest that can be used here.',
    },
    only: { type: 'text', describe: 'Names of cases, with commas between them.' },
    ...jsonOption,
  },
  examples: [
    ['$0 conform test/conformance', 'all cases of a folder'],
    ['$0 conform test/conformance --only add__same_shape,softmax__steep', 'two of them'],
    ['$0 conform test/conformance --build plain', 'all cases, on the core without SIMD'],
  ],
  async run(given, terminal) {
    const cases = select(readFolder(given.requiredText('folder')), given.text('only'));
    const core = await compileCore(given.text('build'));
    const json = given.flag('json');
    const outcomes: CaseOutcome[] = [];
    const count = { passed: 0, failed: 0 };
    let toldAtMs = performance.now();
    for await (const outcome of runConformance(core, cases)) {
      outcomes.push(outcome);
      const { name, vectors, failure, arenaBytes, upstreamArenaBytes } = outcome;
      const passed = failure === undefined;
      count[passed ? 'passed' : 'failed']++;
      if (json) {
        const shown = failure && { code: codeOf(failure), detail: failure.detail };
        terminal.printJson({ name, passed, vectors, ...shown, arenaBytes, upstreamArenaBytes });
      } else if (passed) terminal.print(`passed  ${name}`);
      else terminal.print(`FAILED  ${name}: ${codeOf(failure)}: ${failure.detail}`);
      if (performance.now() - toldAtMs > progressPeriodMs) {
        toldAtMs = performance.now();
        terminal.progress(`${count.passed + count.failed} of ${cases.length} cases`);
      }
    }
    const junit = given.text('junit');
    if (junit !== undefined) {
      writeNamedFile(junit, new TextEncoder().encode(junitOf('conform', outcomes.map(junitCase))));
    }
    if (json) terminal.printJson(count);
    else terminal.print(`${count.passed} passed, ${count.failed} failed`);
    return count.failed === 0 ? 0 : 1;
  },
};

function junitCase({ name, failure }: CaseOutcome): JunitCase {
  return { name, failure: failure && { type: codeOf(failure), message: failure.detail } };
}

/** The build of the core that is asked for, or the usual one. */
async function compileCore(build: string | undefined): Promise<WebAssembly.Module> {
  if (build !== undefined && !Object.hasOwn(coreFiles, build)) {
    throw new CodedError(
      'usage-invalid',
      `--build is one of ${Object.keys(coreFiles).join(', ')}, and not ${build}`,
    );
  }
  return compileWasmCore(undefined, build);
}

function readFolder(folder: string): readonly ConformanceCase[] {
  try {
    return readConformanceFolder(folder);
  } catch (error) {
    if (!(error instanceof ConformanceFolderError)) throw error;
    throw new CodedError('conformance-folder-invalid', error.message);
  }
}

function select(cases: readonly ConformanceCase[], only: string | undefined): typeof cases {
  if (only === undefined) return cases;
  const names = only.split(',');
  const unknown = names.filter((name) => !cases.some((each) => each.name === name));
  if (unknown.length > 0)
    throw new CodedError('usage-invalid', `no case is named ${unknown.join(', ')}`);
  return cases.filter(({ name }) => names.includes(name));
}

/** Refusals have the code that an agent would report; other failures are named as they are. */
function codeOf({ kind, number }: CaseFailure): string {
  switch (kind) {
    case 'refused':
      return codeOfEngineNumber(number ?? 0);
    case 'crashed':
      return 'engine-trapped';
    case 'late':
      return 'engine-deadline';
    case 'differs':
    case 'unusable':
      return kind;
  }
}
