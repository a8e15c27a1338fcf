import assert from 'node:assert/strict';
import type {
  DeviceEvidence,
  StepContext,
  VerdictTerms,
} from '../../../operator/verdict/evidence.js';
import { guardrails } from '../../../operator/verdict/guardrails/registry.js';
import { judge } from '../../../operator/verdict/judge.js';
import { block, devices, evidence, times } from './example-evidence.js';

const equal = block(0);
const servedBlock = (lost: number, policy = 2) => block(lost, 0, { policy, served: 1 });

/** A step that serves the first devices of a fleet. */
function step(count: number, more: Partial<StepContext> = {}): StepContext {
  const served = devices(count, []).map(({ id }) => id);
  return { isLast: false, fromPolicy: 2, served, ...more };
}

function judgeStep(
  fleet: readonly DeviceEvidence[],
  context: StepContext,
  terms: Partial<VerdictTerms> = {},
) {
  return judge(evidence(fleet, { steps: 3, ...terms }, { step: context }));
}

describe('the guardrails', () => {
  it('share alpha, and spend all of it', () => {
    assert.equal(
      guardrails.reduce((sum, { shareOfAlpha }) => sum + shareOfAlpha, 0),
      1,
    );
  });
});

describe('served devices in a step', () => {
  const fleet = (size: number, count: number, blocks: number, lost: number, policy = 2) =>
    devices(size, times(60, equal), (i) =>
      i < count ? { served: times(blocks, servedBlock(lost, policy)) } : {},
    );

  it('are judged by their own blocks of the step, whatever the shadow was', () => {
    const { verdict, guardrail } = judgeStep(fleet(48, 5, 10, 5), step(5));
    assert.equal(`${verdict} ${guardrail}`, 'harm served-loss');
  });

  it('let a step pass after enough equal blocks', () => {
    assert.equal(judgeStep(fleet(48, 5, 3, 0), step(5)).verdict, 'not-yet');
    assert.equal(judgeStep(fleet(48, 5, 12, 0), step(5)).verdict, 'safe');
  });

  it('are not judged by blocks of an earlier step', () => {
    const { verdict, reason } = judgeStep(fleet(48, 5, 12, 0, 1), step(5));
    assert.equal(verdict, 'not-yet');
    assert.match(reason, /0 of at least 2 rounds of the step/);
  });

  it('must be three at least that can be judged, in fleets of three and more', () => {
    assert.match(judgeStep(fleet(48, 2, 60, 0), step(2)).reason, /only 2 served devices of 3/);
    assert.equal(judgeStep(fleet(2, 2, 90, 0), step(2, { isLast: true })).verdict, 'safe');
  });

  it('are not harm by one device, though the step serves but two of a fleet', () => {
    const liar = fleet(48, 2, 30, 0).map((each, i) =>
      i === 0 ? { ...each, served: times(12, servedBlock(10)) } : each,
    );
    assert.equal(judgeStep(liar, step(2)).verdict, 'not-yet');
  });

  it('have a finer margin in the last step', () => {
    // Of ten blocks one loses a window of two: 5 points at most in the mean of few blocks.
    assert.equal(judgeStep(fleet(10, 10, 9, 0), step(10)).verdict, 'safe');
    assert.equal(judgeStep(fleet(10, 10, 9, 0), step(10, { isLast: true })).verdict, 'not-yet');
    assert.equal(judgeStep(fleet(10, 10, 25, 0), step(10, { isLast: true })).verdict, 'safe');
  });

  it('count devices that were enrolled later', () => {
    const joined = devices(50, times(60, equal), (i) => ({
      ...(i < 5 && { served: times(12, servedBlock(0)) }),
      ...(i < 2 && { joined: true, shadow: [] }),
    }));
    const { verdict, rounds } = judgeStep(joined, step(5));
    assert.equal(`${verdict} ${rounds}`, 'safe 60');
  });
});

describe('the ratio of the arms', () => {
  const judged = (devicesInArm: number, of: number, share: number) =>
    judgeStep(
      devices(48, times(60, equal), (i) => (i < 5 ? { served: times(12, servedBlock(0)) } : {})),
      step(5, { arms: [{ arm: 'ramp', devices: devicesInArm, of, share }] }),
    );
  const rows: readonly (readonly [devices: number, of: number, share: number, verdict: string])[] =
    [
      [10, 100, 0.1, 'safe'],
      [21, 100, 0.1, 'safe'],
      [22, 100, 0.1, 'not-yet'],
      [2, 100, 0.1, 'safe'],
      [1, 100, 0.1, 'not-yet'],
      [0, 40, 0.1, 'safe'],
      [100, 100, 1, 'safe'],
      [99, 100, 1, 'not-yet'],
      [0, 0, 0.1, 'safe'],
    ];
  for (const [count, of, share, verdict] of rows) {
    it(`is ${verdict} with ${count} of ${of} devices where ${100 * share} % are expected`, () => {
      assert.equal(judged(count, of, share).verdict, verdict);
    });
  }

  it('is named where it holds', () => {
    assert.match(judged(40, 100, 0.1).reason, /arm ramp has 40 of 100 devices, and 10 % of them/);
  });
});

describe('silent devices', () => {
  const fleet = (size: number, exposed: number, silent: number, others = 0) =>
    devices(size, times(60, equal), (i) => ({
      silent: i < silent || (i >= exposed && i < exposed + others),
      served: i < exposed && i >= silent ? times(30, servedBlock(0)) : [],
    }));

  it('are harm where all that are served fall silent in a large fleet', () => {
    const { verdict, guardrail } = judgeStep(fleet(100, 10, 10), step(10));
    assert.equal(`${verdict} ${guardrail}`, 'harm silence-ratio');
  });

  it('hold a small step, one of them being enough', () => {
    assert.match(
      judgeStep(fleet(48, 5, 1), step(5)).reason,
      /1 fell silent, and more than 0 are too many/,
    );
  });

  it('may be a tenth of a larger step', () => {
    assert.equal(judgeStep(fleet(200, 20, 2), step(20)).verdict, 'safe');
    assert.equal(judgeStep(fleet(200, 20, 3), step(20)).verdict, 'not-yet');
  });

  it('are no harm where the others fall silent too', () => {
    assert.notEqual(judgeStep(fleet(100, 10, 2, 20), step(10)).verdict, 'harm');
  });
});

describe('devices that give the challenger up', () => {
  const rows: readonly (readonly [failed: number, devices: number, verdict: string])[] = [
    [10, 1000, 'not-yet'],
    [27, 10_000, 'not-yet'],
    [4, 4, 'harm'],
    [1, 4, 'not-yet'],
    [100, 1000, 'harm'],
  ];
  for (const [failed, count, expected] of rows) {
    it(`are ${expected} where ${failed} of ${count} do before any comparison`, () => {
      const { verdict } = judge(evidence(devices(count, [], (i) => ({ failed: i < failed }))));
      assert.equal(verdict, expected);
    });
  }
});

describe('late answers', () => {
  const late = (count: number, onlyChallenger: number, onlyChampion: number) =>
    judge(
      evidence(
        devices(10, times(6, equal), (i) =>
          i < count ? { late: { onlyChallenger, onlyChampion } } : {},
        ),
      ),
    );

  it('are harm where several devices have many of them', () => {
    const { verdict, guardrail } = late(3, 40, 2);
    assert.equal(`${verdict} ${guardrail}`, 'harm late-answers');
  });

  it('are none where one device alone has them', () => {
    assert.notEqual(late(1, 400, 0).verdict, 'harm');
  });

  it('are none where both have them', () => {
    assert.notEqual(late(10, 60, 50).verdict, 'harm');
  });
});

describe('strata', () => {
  const fleet = (bad: number) =>
    devices(48, times(20, block(0, 0)), (i) => ({
      stratum: `hall-${i % 4}`,
      ...(i % 4 === 0 && { shadow: times(20, block(bad)) }),
    }));

  it('are harm where one of them loses, though the fleet does not', () => {
    const winners = fleet(2).map((each, i) =>
      i % 4 === 0 ? each : { ...each, shadow: times(20, block(0, 1)) },
    );
    const { findings } = judge(evidence(winners));
    const found = findings.find(({ guardrail }) => guardrail === 'strata');
    assert.equal(found?.verdict, 'harm');
    assert.match(found.reason, /^in stratum hall-0 it gives/);
  });

  it('must all be certain before anything is safe', () => {
    assert.equal(judge(evidence(fleet(0))).verdict, 'safe');
    const few = devices(48, times(6, equal), (i) => ({ stratum: `hall-${i % 8}` }));
    assert.match(judge(evidence(few)).reason, /stratum hall-0/);
  });

  it('do not count where they are small', () => {
    const tiny = devices(48, times(6, equal), (i) => ({ stratum: i < 4 ? 'small' : 'large' }));
    const { findings } = judge(evidence(tiny));
    assert.equal(findings.find(({ guardrail }) => guardrail === 'strata')?.numbers['strata'], 1);
  });
});

describe('evidence without labels', () => {
  const judged = (unlabelled: number) =>
    judge(evidence(devices(48, times(12, block(0, 0, { unlabelled }))), { evidence: 'health' }));

  it('is safe where the two hardly differ', () => {
    const { verdict, guardrail, reason } = judged(0);
    assert.equal(`${verdict} ${guardrail}`, 'safe label-free');
    assert.match(reason, /as they differ on no more/);
  });

  it('cannot tell where they differ, and says what would help', () => {
    const { verdict, reason } = judged(1);
    assert.equal(verdict, 'not-yet');
    assert.match(
      reason,
      /cannot tell: .*labels of the 576 windows on which they differ would help/,
    );
  });
});

describe('the scope of devices like these', () => {
  const terms = { scope: 'population' } as const;

  it('counts devices and not windows', () => {
    const few = judge(evidence(devices(48, times(70, equal)), terms));
    assert.equal(few.verdict, 'not-yet');
    assert.equal(few.rounds, 3);
    const many = judge(evidence(devices(240, times(4, equal)), terms));
    assert.equal(many.verdict, 'safe');
    assert.equal(`${many.rounds} ${many.blocks}`, '1 4');
    assert.match(many.reason, /^on devices like the 240 that compared/);
  });

  it('misses who has left at every later age', () => {
    const slow = devices(300, times(64, equal), (i) =>
      i % 10 === 0 ? { shadow: times(3, equal) } : {},
    );
    const { left, verdict } = judge(evidence(slow, terms));
    assert.equal(left.length, 30);
    assert.equal(verdict, 'not-yet');
  });
});
