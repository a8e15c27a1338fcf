import { compileWasmCore } from '../agent/adapters/engine/wasm-core.js';
import { CodedError } from '../protocol/coded-error.js';
import { rejectionOfEngine } from '../protocol/engine-codes.js';
import { Interpreter } from '../wasm/loader/interpreter.js';
import { readNamedFile } from './files.js';

/** Tools show what a model needs; a device decides whether that is too much. */
export const toolArenaBytes = 256 * 1_048_576;

/** Loads a model that the command line names, in this thread. Throws a CodedError where it is refused. */
export async function openModel(file: string): Promise<Interpreter> {
  const model = readNamedFile(file);
  const core = await compileWasmCore();
  return coded(() => Interpreter.create(core, model, { arenaBytes: toolArenaBytes }));
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
