import assert from 'node:assert/strict';
import { parseEvidenceFile } from '../../../operator/verdict/evidence-file.js';
import { judge } from '../../../operator/verdict/judge.js';
import { requires } from '../../helpers/requires.js';
import { readVectors } from '../../helpers/vectors.js';

interface Judged {
  readonly devices: readonly unknown[];
  readonly verdict: string;
  readonly rounds: number;
  readonly left: readonly string[];
  readonly upper: number;
  readonly lower: number;
}

describe('the judge beside the reference vectors', () => {
  before(function () {
    requires(this, 'shared');
  });

  it('has their verdicts, rounds, leavers and bounds', () => {
    const { judged } = readVectors('evidence-vectors.json') as { judged: readonly Judged[] };
    assert.ok(judged.length >= 13);
    for (const { devices, verdict, rounds, left, upper, lower } of judged) {
      const file = new TextEncoder().encode(JSON.stringify({ devices }));
      const judgement = judge(parseEvidenceFile(file));
      assert.equal(judgement.verdict, verdict);
      assert.equal(judgement.rounds, rounds);
      assert.deepEqual(
        judgement.left.map(({ id }) => id),
        left,
      );
      assert.ok(Math.abs(judgement.upper - upper) <= 1e-9);
      assert.ok(Math.abs(judgement.lower - lower) <= 1e-9);
      assert.deepEqual(judgement.named, []);
    }
  });
});
