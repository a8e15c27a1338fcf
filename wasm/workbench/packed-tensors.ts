import type { Interpreter, TensorFacts } from '../loader/interpreter.js';

/** The bytes of tensors that lie one after the other, tightly packed. */
export function byteLengthOf(tensors: readonly TensorFacts[]): number {
  return tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** Fills all inputs from packed bytes. */
export function writeInputs(interpreter: Interpreter, bytes: Uint8Array): void {
  let at = 0;
  for (const [input, { byteLength }] of interpreter.inputs.entries()) {
    interpreter.inputView(input).set(bytes.subarray(at, at + byteLength));
    at += byteLength;
  }
}

/** Copies all outputs, packed, to where they are wanted. */
export function readOutputs(interpreter: Interpreter, bytes: Uint8Array, at = 0): void {
  for (const output of interpreter.outputs.keys()) {
    const view = interpreter.outputView(output);
    bytes.set(view, at);
    at += view.length;
  }
}
