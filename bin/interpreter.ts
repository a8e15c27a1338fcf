import { compileWasmCore } from '../agent/adapters/engine/wasm-core.js';
import { CodedError } from '../protocol/coded-error.js';
import { rejectionOfEngine } from '../protocol/engine-codes.js';
import { EngineError, Interpreter } from '../wasm/loader/interpreter.js';
import type { ModelReport } from '../wasm/loader/model-report.js';
import { readNamedFile } from './files.js';

/** Tools show what a model needs; a device decides whether that is too much. An inference may take about a minute of a fast host. */
export const toolLimits = { arenaBytes: 256 * 1_048_576, mostWork: 2 ** 36 };

/** Loads a model that the command line names, in this thread. Throws a CodedError where it is refused. */
export async function openModel(
  file: string,
  { compact = false, keepConstantChannels = false } = {},
): Promise<Interpreter> {
  const model = readNamedFile(file);
  const core = await compileWasmCore();
  return coded(() =>
    Interpreter.create(core, model, { ...toolLimits, compact, keepConstantChannels }),
  );
}

/** What is known of a model, also where its operators are refused. Throws a CodedError where nothing is. */
export async function reportModel(file: string): Promise<{
  readonly report: ModelReport;
  /** Of the file. */
  readonly modelBytes: number;
  readonly refusal?: CodedError;
}> {
  const model = readNamedFile(file);
  const modelBytes = model.length;
  const core = await compileWasmCore();
  try {
    return { report: Interpreter.create(core, model, toolLimits).report, modelBytes };
  } catch (error) {
    const { code, detail } = rejectionOfEngine(error);
    const refusal = new CodedError(code, detail);
    if (error instanceof EngineError && error.report) {
      return { report: error.report, modelBytes, refusal };
    }
    throw refusal;
  }
}

/** Gives refusals of the core the codes of the one table, and traps theirs. */
export function coded<T>(use: () => T): T {
  try {
    return use();
  } catch (error) {
    const { code, detail } = rejectionOfEngine(error);
    throw new CodedError(code, detail);
  }
}
