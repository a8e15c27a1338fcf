import assert from 'node:assert/strict';
import {
  nextMove,
  overrule,
  withMessage,
  withRequest,
} from '../../../operator/rollout/controller.js';
import type { ComparedPunctuality } from '../../../operator/rollout/punctuality.js';
import type { Rollout } from '../../../operator/rollout/rollout.js';
import type { PairReport, ReportMessage } from '../../../protocol/messages/report.js';
import { countInputs, judge } from '../../../operator/rollout/verdict.js';
import {
  challenger,
  champion,
  compared,
  exampleRollout,
  isIn,
  plan,
  withEvidence,
} from './example-rollout.js';

const devices = 48;

describe('the controller of a rollout', () => {
  const rows: readonly (readonly [
    sentence: string,
    rollout: Rollout,
    nowMs: number,
    action: string | undefined,
  ])[] = [
    ['waits while nobody has compared anything', exampleRollout(devices), 1_000, undefined],
    [
      'advances from the shadow when the challenger is certainly safe',
      withEvidence(exampleRollout(devices), () => compared(0)),
      1_000,
      'advance',
    ],
    [
      'advances when the challenger is better almost everywhere and worse on two',
      withEvidence(exampleRollout(devices), (_, i) => compared(i < 2 ? 30 : -3)),
      1_000,
      'advance',
    ],
    [
      'aborts when a third of the devices is harmed',
      withEvidence(exampleRollout(devices), (_, i) => compared(i % 3 === 0 ? 30 : 0)),
      1_000,
      'abort',
    ],
    [
      'aborts on harm before everybody has arrived',
      withEvidence(exampleRollout(devices), (_, i) => (i < 20 ? compared(30) : undefined)),
      1_000,
      'abort',
    ],
    [
      'does not advance before nine of ten have arrived, however good the others are',
      withEvidence(exampleRollout(devices), (_, i) => (i < 40 ? compared(0) : undefined)),
      1_000,
      undefined,
    ],
    [
      'holds when the horizon comes first: silence is an outcome, not a success',
      withEvidence(exampleRollout(devices), (_, i) => (i < 40 ? compared(0) : undefined)),
      60_000,
      'hold',
    ],
    [
      'reverts what was held for as long again and nobody has decided',
      exampleRollout(devices, { status: 'held' }),
      120_000,
      'revert',
    ],
    [
      'aborts when devices give the challenger up by themselves',
      withEvidence(exampleRollout(devices), (_, i) =>
        i < 16 ? compared(0, { failure: 'engine-trapped' }) : compared(0),
      ),
      1_000,
      'abort',
    ],
    [
      'aborts when the challenger is late on a third of the devices, however right it is',
      withEvidence(exampleRollout(devices), (_, i) =>
        compared(0, { punctuality: lateOn(0, i % 3 === 0 ? 8 : 0) }),
      ),
      1_000,
      'abort',
    ],
    [
      'advances when both are late on every device: then the gateways are busy',
      withEvidence(exampleRollout(devices), () => compared(0, { punctuality: lateOn(8, 9) })),
      1_000,
      'advance',
    ],
    [
      'advances when the challenger is late now and then',
      withEvidence(exampleRollout(devices), () => compared(0, { punctuality: lateOn(0, 2) })),
      1_000,
      'advance',
    ],
    [
      'aborts in the ramp when devices are late that it serves, and the others are not',
      inRamp((exposed) => (exposed ? 0 : undefined)),
      1_000,
      'abort',
    ],
    ['advances in the ramp when the others are late as well', inRamp(() => 0), 1_000, 'advance'],
    [
      'advances in the ramp when only the others are late',
      inRamp((exposed) => (exposed ? undefined : 0)),
      1_000,
      'advance',
    ],
    [
      'forgets in the ramp who was late in an earlier step',
      inRamp((exposed) => (exposed ? 0 : undefined), { step: 1 }),
      1_000,
      'advance',
    ],
    [
      'does not judge who is late where nobody is left to compare with',
      inRamp((exposed) => (exposed ? 2 : undefined), { step: 2 }),
      1_000,
      'promote',
    ],
    [
      'stands still while it is paused',
      withEvidence(exampleRollout(devices, { status: 'paused' }), () => compared(30)),
      1_000,
      undefined,
    ],
    [
      'waits in the ramp until the exposed devices run the challenger',
      withEvidence(exampleRollout(devices, { step: 0 }), () => compared(0)),
      1_000,
      undefined,
    ],
    [
      'advances in the ramp when the exposed devices have committed it',
      withEvidence(exampleRollout(devices, { step: 0 }), (deviceId) =>
        compared(0, {
          current: isIn(exampleRollout(devices), deviceId, 0)
            ? challenger.sequence
            : champion.sequence,
        }),
      ),
      1_000,
      'advance',
    ],
    [
      'promotes after the last step',
      withEvidence(exampleRollout(devices, { step: 1 }), () =>
        compared(0, { current: challenger.sequence }),
      ),
      1_000,
      'promote',
    ],
    [
      'does nothing more once it is over',
      withEvidence(exampleRollout(devices, { status: 'aborted' }), () => compared(0)),
      1_000,
      undefined,
    ],
  ];
  for (const [sentence, rollout, nowMs, action] of rows) {
    it(sentence, () => {
      assert.equal(nextMove(rollout, nowMs)?.verdict.action, action);
    });
  }

  it('keeps with each verdict all that it was derived from', () => {
    const rollout = withEvidence(exampleRollout(devices), (_, i) => compared(i % 3 === 0 ? 30 : 0));
    const verdict = nextMove(rollout, 1_000)?.verdict;
    assert.ok(verdict);
    assert.deepEqual(verdict.judgement, judge(verdict.inputs, rollout));
    assert.equal(verdict.inputs.harmed, 16);
    assert.match(verdict.judgement.reason, /harmed/);
  });

  it('lets a person promote without evidence, and writes down that it was a person', () => {
    const { rollout, verdict } = overrule(exampleRollout(2), 'promote', 5);
    assert.equal(rollout.status, 'promoted');
    assert.equal(verdict.by, 'operator');
    assert.equal(verdict.judgement.verdict, 'continue');
  });
});

/** Late answers of both to forty windows each. */
function lateOn(champion: number, challenger: number): ComparedPunctuality {
  return {
    champion: { windows: 40, late: champion },
    challenger: { windows: 40, late: challenger },
  };
}

/** A ramp of half the fleet, then more; `lateIn` says in which step a device was late last. */
function inRamp(
  lateIn: (exposed: boolean) => number | undefined,
  change: Partial<Rollout> = {},
): Rollout {
  const exposures = [5_000, 7_500, 10_000];
  const rollout = exampleRollout(devices, { step: 0, plan: { ...plan, exposures }, ...change });
  return withEvidence(rollout, (deviceId) => {
    const exposed = isIn(rollout, deviceId, rollout.step);
    const step = lateIn(exposed);
    return compared(0, {
      current: exposed ? challenger.sequence : champion.sequence,
      late: step === undefined ? undefined : { step, boot: 1, window: 5 },
    });
  });
}

describe('the evidence of a fleet', () => {
  const pair: PairReport = {
    champion: champion.sequence,
    challenger: challenger.sequence,
    windows: 20,
    agreements: 15,
    confusion: [],
    bothRight: 14,
    onlyChampionRight: 4,
    onlyChallengerRight: 1,
    noneRight: 1,
  };
  const report = (window: number, change: Partial<PairReport> = {}): ReportMessage => ({
    t: 0,
    boot: 1,
    window,
    slot: 'vibration',
    releases: [],
    pairs: [{ ...pair, ...change }],
    labelsRefused: {},
  });

  it('adds reports up, in any order, and each once', () => {
    const [first, second] = [report(1), report(2)];
    const sum = (order: readonly ReportMessage[]): Rollout =>
      order.reduce(
        (rollout, message) => withMessage(rollout, 'press-0', { channel: 'report', message }),
        exampleRollout(1),
      );
    const evidence = sum([first, second]).evidence['press-0'];
    assert.equal(evidence?.labelled, 40);
    assert.equal(evidence.onlyChampionRight, 8);
    const { reports, ...counts } = sum([second, first, second, first]).evidence['press-0'] ?? {
      reports: [],
    };
    const { reports: inOrder, ...expected } = evidence;
    assert.deepEqual(counts, expected);
    assert.deepEqual([...reports].sort(), [...inOrder].sort());
  });

  it('ignores other pairs, other slots and devices that are not enrolled', () => {
    const rollout = exampleRollout(1);
    const others: readonly [string, ReportMessage][] = [
      ['press-0', report(1, { challenger: 99 })],
      ['press-0', { ...report(1), slot: 'other' }],
      ['stranger', report(1)],
    ];
    for (const [deviceId, message] of others) {
      assert.equal(withMessage(rollout, deviceId, { channel: 'report', message }), rollout);
    }
  });

  it('counts a device that gives the challenger up, and not one that was told to', () => {
    const event = (code: 'engine-trapped' | 'offer-withdrawn') =>
      withMessage(exampleRollout(1), 'press-0', {
        channel: 'events',
        message: {
          t: 0,
          event: 'rejected',
          slot: 'vibration',
          release: challenger.sequence,
          code,
          reason: '',
          remedy: undefined,
        },
      }).evidence['press-0']?.failure;
    assert.equal(event('engine-trapped'), 'engine-trapped');
    assert.equal(event('offer-withdrawn'), undefined);
  });

  it('learns from the state what happened while nobody listened to events', () => {
    const failure = (release: number, phase: string, code: string) =>
      withMessage(exampleRollout(1), 'press-0', {
        channel: 'state',
        message: {
          agent: '1.0.0',
          boot: 1,
          labels: {},
          slots: new Map([['vibration', { ...silent, release, phase, code }]]),
        },
      }).evidence['press-0']?.failure;
    assert.equal(failure(challenger.sequence, 'rolled-back', 'engine-trapped'), 'engine-trapped');
    assert.equal(failure(challenger.sequence, 'rejected', 'offer-withdrawn'), undefined);
    assert.equal(failure(challenger.sequence, 'fetching', 'block-missing'), undefined);
    assert.equal(failure(99, 'rejected', 'engine-trapped'), undefined);
  });

  it('takes no id of a device for anything else', () => {
    const rollout: Rollout = { ...exampleRollout(1), roster: ['constructor', '__proto__'] };
    const heard = { channel: 'report', message: report(1) } as const;
    const after = rollout.roster.reduce((sum, id) => withMessage(sum, id, heard), rollout);
    const kept = JSON.parse(JSON.stringify(after)) as Rollout;
    const { compared: counted, harmed } = countInputs(
      { ...kept, plan: { ...kept.plan, labelledWindows: 20 } },
      0,
    );
    assert.deepEqual([counted, harmed], [2, 2]);
  });
});

describe('a request', () => {
  const rows: readonly (readonly [Rollout['status'], 'pause' | 'resume', Rollout['status']])[] = [
    ['running', 'pause', 'paused'],
    ['paused', 'resume', 'running'],
    ['held', 'resume', 'running'],
    ['held', 'pause', 'held'],
    ['promoted', 'resume', 'promoted'],
    ['aborted', 'resume', 'aborted'],
  ];
  for (const [before, request, after] of rows) {
    it(`to ${request} leaves what is ${before} ${after}`, () => {
      assert.equal(withRequest(exampleRollout(1, { status: before }), request, 5).status, after);
    });
  }

  it('to resume begins the step anew', () => {
    const paused = exampleRollout(1, { status: 'paused' });
    assert.equal(withRequest(paused, 'resume', 5).stepStartedMs, 5);
  });
});

/** What a device says of a slot in which nothing happens. */
const silent = {
  current: champion.sequence,
  previous: undefined,
  candidate: undefined,
  release: undefined,
  phase: undefined,
  code: undefined,
  reason: undefined,
  remedy: undefined,
};
