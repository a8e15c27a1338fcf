import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { EngineError, Interpreter, type InterpreterLimits } from '../../wasm/loader/interpreter.js';
import { sharedFolder } from './requires.js';

/** The models of the reference data that the core runs, one after the other; some were compiled for accelerators. */
export function* referenceModels(
  core: WebAssembly.Module,
  limits: InterpreterLimits,
): Generator<{
  readonly name: string;
  readonly model: Uint8Array;
  readonly interpreter: Interpreter;
}> {
  const folder = path.join(sharedFolder, 'data', 'models');
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.tflite'))) {
    const model = new Uint8Array(readFileSync(path.join(folder, name)));
    let interpreter: Interpreter;
    try {
      interpreter = Interpreter.create(core, model, limits);
    } catch (error) {
      if (error instanceof EngineError) continue;
      throw error;
    }
    yield { name, model, interpreter };
  }
}
