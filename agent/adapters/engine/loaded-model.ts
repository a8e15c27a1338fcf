import { Interpreter, type InterpreterLimits } from '../../../wasm/loader/interpreter.js';
import { rejectionOfEngine } from '../../../protocol/engine-codes.js';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import type { Invoked, ModelFacts } from '../../ports/engine.js';

/** One model in an instance of its own, with the packed tensors of the engine port. */
export interface WasmModel {
  readonly facts: ModelFacts;
  /** Whether anything outlives an inference: variables, or the state of operators. */
  readonly hasState: boolean;
  /** Runs one inference. */
  invoke(input: Uint8Array, output: Uint8Array): Result<Invoked>;
  reset(): Result<void>;
}

/** Verifies a model and makes an instance of it. */
export function loadWasmModel(
  core: WebAssembly.Module,
  model: Uint8Array,
  limits: InterpreterLimits,
): Result<WasmModel> {
  let interpreter: Interpreter;
  try {
    interpreter = Interpreter.create(core, model, limits);
  } catch (error) {
    // V8 has no memory for the instance: that says nothing about the model.
    if (error instanceof RangeError && /memory/i.test(error.message))
      return refuse('engine-unavailable', error.message);
    return { ok: false, rejection: rejectionOfEngine(error) };
  }
  const { inputs, outputs, macs, report } = interpreter;
  // The bound is for both.
  const neededBytes = report.arenaBytes + report.variableBytes;
  const facts: ModelFacts = { inputs, outputs, arenaBytes: neededBytes, macs };
  const attempt = <T>(run: () => T): Result<T> => {
    try {
      return accept(run());
    } catch (error) {
      return { ok: false, rejection: rejectionOfEngine(error) };
    }
  };
  return accept({
    facts,
    hasState: report.variableBytes > 0,
    invoke(input, output) {
      if (input.length !== sizeOf(inputs) || output.length !== sizeOf(outputs)) {
        return refuse(
          'input-size-mismatch',
          `${input.length} bytes in and ${output.length} out; the model has ${sizeOf(inputs)} and ${sizeOf(outputs)}`,
        );
      }
      return attempt(() => {
        let at = 0;
        for (const [i, { byteLength }] of inputs.entries()) {
          interpreter.inputView(i).set(input.subarray(at, at + byteLength));
          at += byteLength;
        }
        const began = performance.now();
        const hasOutput = interpreter.invoke();
        const latencyUs = (performance.now() - began) * 1000;
        at = 0;
        for (const [i, { byteLength }] of outputs.entries()) {
          output.set(interpreter.outputView(i), at);
          at += byteLength;
        }
        return { latencyUs, hasOutput };
      });
    },
    reset: () =>
      attempt(() => {
        interpreter.reset();
      }),
  });
}

/** The bytes of all tensors, one after the other. */
export function sizeOf(tensors: ModelFacts['inputs']): number {
  return tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
