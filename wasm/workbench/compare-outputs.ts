import type { TensorFacts } from '../loader/interpreter.js';
import { readValues } from './tensor-values.js';

/** Floats may differ by reordered sums: relative, and relative to the greatest of the output. */
const relativeTolerance = 1e-5;
const outputTolerance = 1e-6;

/**
 * Compares packed outputs of one inference with the recorded ones, element by element: integers and booleans must
 * be equal, floats within a tolerance. Gives what differs first, in words, or undefined.
 */
export function compareOutputs(
  tensors: readonly TensorFacts[],
  actual: Uint8Array,
  expected: Uint8Array,
): string | undefined {
  const expectedValues = readValues(tensors, expected);
  for (const [output, values] of readValues(tensors, actual).entries()) {
    const wanted = expectedValues[output] ?? [];
    const isFloat = tensors[output]?.type === 'float32';
    const at = isFloat ? differentFloat(values, wanted) : differentValue(values, wanted);
    if (at < 0) continue;
    const shape = tensors[output]?.shape.join(', ') ?? '';
    return `output ${output}, element ${at} of [${shape}] is ${values[at]} instead of ${wanted[at]}`;
  }
  return undefined;
}

type Values = readonly (number | string)[];

function differentValue(actual: Values, wanted: Values): number {
  return actual.findIndex((value, i) => value !== wanted[i]);
}

function differentFloat(actual: Values, wanted: Values): number {
  const floats = wanted.map(Number);
  const greatest = floats.reduce(
    (max, value) => (Number.isFinite(value) ? Math.max(max, Math.abs(value)) : max),
    0,
  );
  return actual.map(Number).findIndex((value, i) => {
    const other = floats[i] ?? NaN;
    if (Object.is(value, other) || value === other) return false;
    const tolerance = Math.max(
      relativeTolerance * Math.max(1, Math.abs(other)),
      outputTolerance * greatest,
    );
    return !(Number.isFinite(other) && Math.abs(value - other) <= tolerance);
  });
}
