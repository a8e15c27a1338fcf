import { sameBytes } from '../../../protocol/bytes.js';
import type { GoldenVectors, SelfTest } from '../../../protocol/documents/self-test.js';
import { elementsOf, isElementType } from '../inference/quantisation.js';
import type { LoadedModel, LoadedRelease } from '../inference/loaded-release.js';
import { ask, type Process } from '../process.js';
import { accept, refuse, type Result } from '../../../protocol/result.js';

/**
 * Runs the golden vectors of a release on this device, if it has some, then resets what they left in the variables of its
 * models. Refuses with `self-test-mismatch` naming the vector, or with what the engine said.
 */
export function* runSelfTest(
  { models, manifest }: LoadedRelease,
  selfTest: SelfTest | undefined,
): Process<Result<void>> {
  if (selfTest === undefined) return accept(undefined);
  const tests = [selfTest, ...(selfTest.further ?? [])];
  if (tests.length > models.length) {
    return refuse('self-test-mismatch', `it tests ${tests.length} models of ${models.length}`);
  }
  for (const [i, model] of models.entries()) {
    const vectors = tests[i];
    if (vectors === undefined) break;
    const which = i === 0 ? '' : ` of model ${i + 1}`;
    const passed = yield* runVectors(model, vectors, which, manifest.budget.deadlineUs / 1000);
    if (!passed.ok) return passed;
  }
  return accept(undefined);
}

function* runVectors(
  { handle, facts }: LoadedModel,
  { vectors, tolerance }: GoldenVectors,
  which: string,
  deadlineMs: number,
): Process<Result<void>> {
  const inputBytes = facts.inputs.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const output = new Uint8Array(facts.outputs.reduce((sum, { byteLength }) => sum + byteLength, 0));
  for (const [i, { inputs, outputs }] of vectors.entries()) {
    const where = `vector ${i + 1} of ${vectors.length}${which}`;
    if (inputs.length !== inputBytes || outputs.length !== output.length) {
      return refuse('self-test-mismatch', `${where} has the wrong size for this model`);
    }
    const invoked = yield* ask('invoke', { handle, input: inputs.slice(), output, deadlineMs });
    if (!invoked.ok) return invoked;
    if (!isWithin(output, outputs, facts.outputs[0]?.type, tolerance)) {
      return refuse('self-test-mismatch', `${where} gives other outputs on this device`);
    }
  }
  return yield* ask('reset', { handle });
}

function isWithin(
  actual: Uint8Array,
  expected: Uint8Array,
  type: LoadedModel['facts']['outputs'][number]['type'] | undefined,
  tolerance: number,
): boolean {
  if (sameBytes(actual, expected)) return true;
  if (tolerance <= 0 || type === undefined || !isElementType(type)) return false;
  const values = elementsOf(type, expected.slice());
  return elementsOf(type, actual).every(
    (value, i) => Math.abs(value - (values[i] ?? NaN)) <= tolerance,
  );
}
