import type { TensorFacts } from '../loader/interpreter.js';
import { readValues } from './tensor-values.js';

/** By how much an output may differ from the recorded one: by the greatest of the three, and integers by a number of steps. */
export interface Tolerance {
  readonly integers: number;
  readonly absolute: number;
  /** Of the recorded value. */
  readonly relative: number;
  /** Of the greatest value of the output: sums in another order differ most where little is left. */
  readonly ofGreatest: number;
}

/** Where a case does not say it: integers are equal, floats differ by reordered sums at most. */
export const usualTolerance: Tolerance = {
  integers: 0,
  absolute: 1e-5,
  relative: 1e-5,
  ofGreatest: 1e-6,
};

/**
 * Compares packed outputs of one inference with the recorded ones, element by element. Gives what differs first, in
 * words, or undefined.
 */
export function compareOutputs(
  tensors: readonly TensorFacts[],
  actual: Uint8Array,
  expected: Uint8Array,
  tolerance: Tolerance = usualTolerance,
): string | undefined {
  const expectedValues = readValues(tensors, expected);
  for (const [output, values] of readValues(tensors, actual).entries()) {
    const wanted = expectedValues[output] ?? [];
    const isFloat = tensors[output]?.type === 'float32';
    const at = isFloat
      ? differentFloat(values, wanted, tolerance)
      : differentInteger(values, wanted, tolerance);
    if (at < 0) continue;
    const shape = tensors[output]?.shape.join(', ') ?? '';
    return `output ${output}, element ${at} of [${shape}] is ${values[at]} instead of ${wanted[at]}`;
  }
  return undefined;
}

type Values = readonly (number | string)[];

/** 64-bit integers are texts, and equal or not. */
function differentInteger(actual: Values, wanted: Values, { integers }: Tolerance): number {
  return actual.findIndex((value, i) => {
    if (value === wanted[i]) return false;
    return !(Math.abs(Number(value) - Number(wanted[i])) <= integers);
  });
}

function differentFloat(actual: Values, wanted: Values, tolerance: Tolerance): number {
  const { absolute, relative, ofGreatest } = tolerance;
  const floats = wanted.map(Number);
  const greatest = floats.reduce(
    (max, value) => (Number.isFinite(value) ? Math.max(max, Math.abs(value)) : max),
    0,
  );
  return actual.map(Number).findIndex((value, i) => {
    const other = floats[i] ?? NaN;
    if (Object.is(value, other) || value === other) return false;
    const allowed = Math.max(absolute, relative * Math.abs(other), ofGreatest * greatest);
    return !(Number.isFinite(other) && Math.abs(value - other) <= allowed);
  });
}
