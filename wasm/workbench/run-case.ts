import { createHash } from 'node:crypto';
import { EngineError, Interpreter } from '../loader/interpreter.js';
import { compareOutputs, type Tolerance } from './compare-outputs.js';
import { readBounded, type ConformanceCase, type ConformanceVector } from './conformance-folder.js';
import { generateInputs } from './generated-input.js';
import { byteLengthOf, readOutputs, writeInputs } from './packed-tensors.js';

/** Why a case failed. */
export interface CaseFailure {
  /**
   * `refused`: with a number of `wasm/src/error.rs`. `differs`: other outputs than upstream's. `crashed`: a
   * trap or an exception. `late`: more than ten seconds. `unusable`: the folder contradicts itself.
   */
  readonly kind: 'refused' | 'differs' | 'crashed' | 'late' | 'unusable';
  /** What and where, in words. */
  readonly detail: string;
  /** The core's number of a refusal. */
  readonly number?: number;
}

/** What became of a case. */
export interface CaseOutcome {
  readonly name: string;
  /** Vectors with upstream's outputs. */
  readonly vectors: number;
  readonly failure: CaseFailure | undefined;
  /** Activations and scratch buffers; undefined where the model was refused. */
  readonly arenaBytes: number | undefined;
  readonly upstreamArenaBytes: number | undefined;
}

/** More than any model for a small device needs. */
const arenaLimitBytes = 256 * 1_048_576;

/** Runs one case to its end or its first failure. Never throws. */
export function runCase(core: WebAssembly.Module, given: ConformanceCase): CaseOutcome {
  const { name, upstreamArenaBytes } = given;
  const found: { vectors: number; arenaBytes?: number } = { vectors: 0 };
  const outcome = (failure?: CaseFailure): CaseOutcome => ({
    name,
    vectors: found.vectors,
    failure,
    arenaBytes: found.arenaBytes,
    upstreamArenaBytes,
  });
  try {
    const file = readNamed(given.model);
    const { modelRange } = given;
    const model =
      modelRange === undefined ? file : cut(file, modelRange.offset, modelRange.bytes, 'models');
    const bytes = given.bytes === undefined ? new Uint8Array() : readNamed(given.bytes);
    const interpreter = Interpreter.create(core, model, { arenaBytes: arenaLimitBytes });
    found.arenaBytes = interpreter.arenaBytes;
    if (given.expects === 'survival') {
      interpreter.invoke();
      return outcome();
    }
    if (given.vectors.length === 0) throw new UnusableCase('the entry has no vectors');
    for (const vector of given.vectors) {
      const difference = runVector(interpreter, vector, bytes, given.tolerance);
      if (difference !== undefined) {
        return outcome({ kind: 'differs', detail: `vector ${found.vectors}, ${difference}` });
      }
      found.vectors++;
    }
    return outcome();
  } catch (error) {
    if (error instanceof EngineError) {
      if (given.expects === 'survival') return outcome();
      return outcome({ kind: 'refused', number: error.number, detail: error.message });
    }
    const kind = error instanceof UnusableCase ? 'unusable' : 'crashed';
    return outcome({ kind, detail: error instanceof Error ? error.message : String(error) });
  }
}

/** The folder's fault, not the core's. */
class UnusableCase extends Error {}

/** Runs all inferences of a vector from the initial state; gives what differs first. */
function runVector(
  interpreter: Interpreter,
  vector: ConformanceVector,
  bytes: Uint8Array,
  tolerance: Tolerance,
): string | undefined {
  const { inputs, outputs } = interpreter;
  const inputBytes = byteLengthOf(inputs);
  const outputBytes = byteLengthOf(outputs);
  const { invokes } = vector;
  if (inputBytes * invokes !== vector.inputBytes || outputBytes * invokes !== vector.outputBytes) {
    return `${inputBytes} bytes in and ${outputBytes} out for each of ${invokes} inferences; the index has ${vector.inputBytes} and ${vector.outputBytes} in all`;
  }
  const given =
    vector.inputOffset === undefined
      ? generateInputs(inputs, vector.seed ?? 0, invokes)
      : cut(bytes, vector.inputOffset, vector.inputBytes);
  expectDigest(given, vector.inputSha256, 'inputs');
  const expected = cut(bytes, vector.outputOffset, vector.outputBytes);
  expectDigest(expected, vector.outputSha256, 'outputs');
  const actual = new Uint8Array(outputBytes);
  interpreter.reset();
  for (let i = 0; i < invokes; i++) {
    writeInputs(interpreter, given.subarray(i * inputBytes, (i + 1) * inputBytes));
    const hasOutput = interpreter.invoke();
    const expectsOutput = vector.hasOutput?.[i];
    if (expectsOutput !== undefined && hasOutput !== expectsOutput) {
      return `inference ${i} has ${hasOutput ? 'a' : 'no'} new output`;
    }
    readOutputs(interpreter, actual);
    const wanted = expected.subarray(i * outputBytes, (i + 1) * outputBytes);
    const difference = compareOutputs(outputs, actual, wanted, tolerance);
    if (difference !== undefined) return `inference ${i}, ${difference}`;
  }
  return undefined;
}

function readNamed(file: string): Uint8Array {
  try {
    return readBounded(file);
  } catch (error) {
    throw new UnusableCase(error instanceof Error ? error.message : String(error));
  }
}

function cut(bytes: Uint8Array, offset: number, length: number, what = 'vectors'): Uint8Array {
  if (offset + length > bytes.length) {
    throw new UnusableCase(`the ${what} end at byte ${bytes.length}, before ${offset + length}`);
  }
  return bytes.subarray(offset, offset + length);
}

function expectDigest(bytes: Uint8Array, sha256: string | undefined, what: string): void {
  if (sha256 === undefined) return;
  if (createHash('sha256').update(bytes).digest('hex') !== sha256) {
    throw new UnusableCase(`the ${what} are not those whose digest the index names`);
  }
}
