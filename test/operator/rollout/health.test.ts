import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { nextMove } from '../../../operator/rollout/controller.js';
import type { DeviceEvidence } from '../../../operator/rollout/fleet-evidence.js';
import { isUnsure, mixDistance, type Reference } from '../../../operator/rollout/health.js';
import { parseReferenceFile } from '../../../operator/release/reference-file.js';
import type { Rollout } from '../../../operator/rollout/rollout.js';
import { compared, exampleRollout, plan, withEvidence } from './example-rollout.js';

const reference: Reference = { classes: [0.25, 0.25, 0.25, 0.25], confidence: 0.95 };
const sure = [0, 0, 0, 0, 0, 0, 0, 0, 2, 38];
const unsure = [0, 0, 0, 0, 10, 10, 10, 10, 0, 0];

/** One device with one machine: all its answers are of one class. */
function machine(i: number, change: Partial<DeviceEvidence> = {}): DeviceEvidence {
  const classes = [0, 0, 0, 0].map((_, index) => (index === i % 4 ? 40 : 0));
  return compared(0, { labelled: 0, bothRight: 0, classes, confidence: sure, ...change });
}

describe('the health gate, where nobody tells the truth', () => {
  const rollout: Rollout = exampleRollout(48, { plan: { ...plan, evidence: 'health' }, reference });
  const rows: readonly (readonly [
    sentence: string,
    of: (deviceId: string, i: number) => DeviceEvidence | undefined,
    action: string | undefined,
  ])[] = [
    [
      'advances where answers are as sure and as mixed as on the reference data',
      (_, i) => machine(i),
      'advance',
    ],
    [
      'waits while devices have not compared enough windows',
      (_, i) => machine(i, { windows: 39 }),
      undefined,
    ],
    [
      'aborts where a third of the devices is unsure',
      (_, i) => machine(i, i % 3 === 0 ? { confidence: unsure } : {}),
      'abort',
    ],
    [
      'aborts where three quarters of the answers are of one class',
      (_, i) => machine(i % 4 === 0 ? i : 2),
      'abort',
    ],
    [
      'does not judge the mix of a few devices',
      (_, i) => (i < 5 ? machine(2) : undefined),
      undefined,
    ],
  ];
  for (const [sentence, of, action] of rows) {
    it(sentence, () => {
      const move = nextMove(withEvidence(rollout, of), 1_000);
      assert.equal(move?.verdict.action, action);
    });
  }

  it('takes the demo models for what they are: sound in the laboratory', () => {
    for (const version of [1, 2, 3]) {
      const url = import.meta.resolve(`#demo-models/reference-v${version}.json`);
      const { answers, confidence } = parseReferenceFile(readFileSync(new URL(url)));
      const counts = Object.values(answers);
      assert.ok(mixDistance(counts, reference) < 0.05);
      assert.ok(!isUnsure(confidence, reference));
    }
  });

  it('finds no distance between equal mixes, and all of it between mixes that share nothing', () => {
    assert.equal(mixDistance([5, 5, 5, 5], reference), 0);
    assert.equal(mixDistance([0, 0, 0, 0, 9], reference), 1);
  });
});
