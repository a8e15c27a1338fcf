import type { TensorFacts } from '../loader/interpreter.js';

/** Floats may differ by reordered sums: relative, and relative to the greatest of the output. */
const relativeTolerance = 1e-5;
const outputTolerance = 1e-6;

/**
 * Compares packed outputs of one inference with the recorded ones: integers and booleans byte for byte,
 * floats within a tolerance. Gives what differs first, in words, or undefined.
 */
export function compareOutputs(
  tensors: readonly TensorFacts[],
  actual: Uint8Array,
  expected: Uint8Array,
): string | undefined {
  let at = 0;
  for (const [output, { type, byteLength }] of tensors.entries()) {
    const a = actual.subarray(at, at + byteLength);
    const b = expected.subarray(at, at + byteLength);
    const difference = type === 'float32' ? compareFloats(a, b) : compareBytes(a, b);
    if (difference !== undefined) return `output ${output}, ${difference}`;
    at += byteLength;
  }
  return undefined;
}

function compareBytes(actual: Uint8Array, expected: Uint8Array): string | undefined {
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  return at < 0 ? undefined : `byte ${at} is ${actual[at]} instead of ${expected[at]}`;
}

function compareFloats(actual: Uint8Array, expected: Uint8Array): string | undefined {
  const a = floatsOf(actual);
  const b = floatsOf(expected);
  const greatest = b.reduce(
    (max, value) => (Number.isFinite(value) ? Math.max(max, Math.abs(value)) : max),
    0,
  );
  const at = a.findIndex((value, i) => {
    const wanted = b[i] ?? NaN;
    if (Object.is(value, wanted) || value === wanted) return false;
    const tolerance = Math.max(
      relativeTolerance * Math.max(1, Math.abs(wanted)),
      outputTolerance * greatest,
    );
    return !(Number.isFinite(wanted) && Math.abs(value - wanted) <= tolerance);
  });
  return at < 0 ? undefined : `element ${at} is ${a[at]} instead of ${b[at]}`;
}

function floatsOf(bytes: Uint8Array): readonly number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
}
