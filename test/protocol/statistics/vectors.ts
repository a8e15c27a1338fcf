import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { sharedFolder } from '../../helpers/requires.js';

/** The cases of a group of the reference vectors; whoever asks has made sure that `shared` is there. */
export function vectorCases<T>(group: string): readonly T[] {
  const file = path.join(sharedFolder, 'data', 'vectors', 'stats-vectors.json');
  const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as {
    vectors: readonly { readonly id: string; readonly cases: readonly T[] }[];
  };
  const found = vectors.find(({ id }) => id === group);
  assert.ok(found, `there is no group ${group}`);
  return found.cases;
}

/** Asserts that two numbers differ by a tolerance at most, relative where the expected one exceeds 1. */
export function assertClose(actual: number, expected: number, tolerance = 1e-8, what = ''): void {
  const close =
    actual === expected ||
    Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected));
  assert.ok(close, `${what} ${actual} is not ${expected}`);
}
