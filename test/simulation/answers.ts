import assert from 'node:assert/strict';
import type { WorldDevice } from './world-device.js';

/** The windows of this start that have an answer are the first ones, in order, and none has two. */
export function assertAnsweredInOrder({ results }: WorldDevice, context?: string): void {
  assert.deepEqual(
    results.map(({ window }) => window),
    results.map((_, i) => i + 1),
    context,
  );
}

/** Every burst of samples that came while a release was served has one answer, in order. */
export function assertEveryWindowAnswered(device: WorldDevice): void {
  assertAnsweredInOrder(device);
  assert.equal(device.results.length, device.bursts);
}

/** Every window has an answer of the champion, and of nobody else. */
export function assertChampionUnmoved(device: WorldDevice, champion = 1): void {
  assertEveryWindowAnswered(device);
  assert.deepEqual(new Set(device.results.map(({ sequence }) => sequence)), new Set([champion]));
}
