import assert from 'node:assert/strict';
import type { ReleaseReport, ReportMessage } from '../../../protocol/messages/report.js';
import { nextMove, withMessage } from '../../../operator/rollout/controller.js';
import { isLater } from '../../../operator/rollout/punctuality.js';
import { replayVerdicts } from '../../../operator/rollout/replay.js';
import type { Rollout, RolloutPlan } from '../../../operator/rollout/rollout.js';
import { countInputs } from '../../../operator/rollout/verdict.js';
import { Prng } from '../../../simulator/prng.js';
import { challenger, champion, exampleRollout, isIn, plan } from './example-rollout.js';

const ramp: RolloutPlan = { ...plan, exposures: [5_000, 10_000] };

/** What a device says of one release. */
function releaseReport(
  release: number,
  mode: ReleaseReport['mode'],
  windows: number,
  late: number,
): ReleaseReport {
  return {
    release,
    mode,
    windows: windows - late,
    failures: 0,
    late,
    skipped: 0,
    classes: [],
    confidence: [],
    labelled: 0,
    right: 0,
    latency: {},
  };
}

function report(window: number, releases: readonly ReleaseReport[], boot = 1): ReportMessage {
  return { t: 0, boot, window, slot: 'vibration', releases, pairs: [], labelsRefused: {} };
}

/** A report of so many windows that both have answered, if not in time. */
function comparison(
  window: number,
  windows: number,
  late: { readonly champion: number; readonly challenger: number },
): ReportMessage {
  const answered = windows - late.challenger;
  return {
    ...report(window, [
      releaseReport(champion.sequence, 'served', windows, late.champion),
      releaseReport(challenger.sequence, 'shadow', windows, late.challenger),
    ]),
    pairs: [
      {
        champion: champion.sequence,
        challenger: challenger.sequence,
        windows: answered,
        agreements: answered,
        confusion: [],
        bothRight: answered,
        onlyChampionRight: 0,
        onlyChallengerRight: 0,
        noneRight: 0,
      },
    ],
  };
}

const heard = (rollout: Rollout, deviceId: string, message: ReportMessage): Rollout =>
  withMessage(rollout, deviceId, { channel: 'report', message });

describe('a challenger on one device', () => {
  const rows: readonly (readonly [
    challenger: readonly [late: number, windows: number],
    champion: readonly [late: number, windows: number],
    later: boolean,
  ])[] = [
    [[0, 40], [0, 40], false],
    [[1, 40], [0, 40], false],
    [[4, 40], [0, 40], false],
    [[5, 40], [0, 40], true],
    [[5, 40], [1, 40], false],
    [[20, 40], [2, 40], true],
    [[20, 40], [20, 40], false],
    [[3, 40], [0, 400], true],
    // Certain, but not worth a word.
    [[60, 4_000], [10, 4_000], false],
    // Nothing is known of one of them.
    [[5, 5], [0, 0], false],
    [[0, 0], [5, 40], false],
  ];
  for (const [[late, windows], [championLate, championWindows], later] of rows) {
    it(`is ${later ? '' : 'not '}later with ${late} of ${windows} beside ${championLate} of ${championWindows}`, () => {
      const counts = {
        champion: { windows: championWindows, late: championLate },
        challenger: { windows, late },
      };
      assert.equal(isLater(counts), later);
    });
  }
});

describe('late answers', () => {
  it('of a comparison are those of both releases in the same reports, each once', () => {
    const message = comparison(1, 20, { champion: 1, challenger: 4 });
    const rollout = heard(heard(exampleRollout(1), 'press-0', message), 'press-0', message);
    assert.deepEqual(rollout.evidence['press-0']?.punctuality, {
      champion: { windows: 20, late: 1 },
      challenger: { windows: 20, late: 4 },
    });
  });

  it('count where the challenger is late on every window, so that nothing is compared', () => {
    const { pairs, ...rest } = comparison(1, 5, { champion: 0, challenger: 5 });
    assert.equal(pairs.length, 1);
    const { evidence } = heard(exampleRollout(1), 'press-0', { ...rest, pairs: [] });
    assert.equal(evidence['press-0']?.windows, 0);
    assert.deepEqual(evidence['press-0'].punctuality.challenger, { windows: 5, late: 5 });
  });

  describe('in the ramp', () => {
    const rollout = exampleRollout(48, { plan: ramp, step: 0 });
    const [exposed = '', other = ''] = [true, false].map((is) =>
      rollout.roster.find((deviceId) => isIn(rollout, deviceId, 0) === is),
    );
    const served = (window: number, sequence: number, late: number): ReportMessage =>
      report(window, [releaseReport(sequence, 'served', 60, late)]);
    const counts = (after: Rollout) => countInputs(after, 0).lateServed;
    const rows: readonly (readonly [
      sentence: string,
      deviceId: string,
      reports: readonly ReportMessage[],
      treated: number,
      control: number,
    ])[] = [
      [
        'are the champion’s where that still serves',
        other,
        [served(1, champion.sequence, 1)],
        ...([0, 1] as const),
      ],
      [
        'are the challenger’s where that serves, after the report of its first windows',
        exposed,
        [served(1, challenger.sequence, 0), served(2, challenger.sequence, 1)],
        ...([1, 0] as const),
      ],
      [
        'count once for each device',
        exposed,
        [1, 2, 3, 4].map((window) => served(window, challenger.sequence, 9)),
        ...([1, 0] as const),
      ],
      [
        'are not those of its first windows, even where the report comes again',
        exposed,
        [served(1, challenger.sequence, 1), served(1, challenger.sequence, 1)],
        ...([0, 0] as const),
      ],
      [
        'are not the champion’s on a device that is to be served by the challenger',
        exposed,
        [1, 2].map((window) => served(window, champion.sequence, 1)),
        ...([0, 0] as const),
      ],
      [
        'are nobody’s where all are in time',
        other,
        [served(1, champion.sequence, 0)],
        ...([0, 0] as const),
      ],
    ];
    for (const [sentence, deviceId, reports, treated, control] of rows) {
      it(sentence, () => {
        const after = reports.reduce((sum, each) => heard(sum, deviceId, each), rollout);
        assert.deepEqual(counts(after), { treated, control });
      });
    }

    it('are counted anew in each step, and a report that comes again is not', () => {
      const three = { ...plan, exposures: [2_500, 5_000, 10_000] };
      const first = exampleRollout(48, { plan: three, step: 0 });
      const late = served(7, champion.sequence, 1);
      const after = heard(first, other, late);
      assert.deepEqual(counts(after), { treated: 0, control: 1 });
      const next = heard({ ...after, step: 1 }, other, late);
      assert.deepEqual(counts(next), { treated: 0, control: 0 });
      const again = heard(next, other, served(8, champion.sequence, 1));
      assert.deepEqual(counts(again), { treated: 0, control: 1 });
    });
  });
});

describe('a fleet whose releases are late', () => {
  const fleets = 200;
  const devices = 48;
  const alpha = 0.1;
  const gate = { ...plan.gate, alphaPermille: 1000 * alpha };
  const windowsOfReport = 20;

  /** Plays a rollout to its end, by the rates at which windows are late in a step; gives what became of it. */
  const play = (
    seed: number,
    ratesIn: (step: number) => { readonly champion: number; readonly challenger: number },
  ): Rollout => {
    const prng = Prng.fromSeed(seed);
    const lateOf = (rate: number): number => {
      let late = 0;
      for (let i = 0; i < windowsOfReport; i++) if (prng.uniform(0, 1) < rate) late++;
      return late;
    };
    let rollout = exampleRollout(devices, {
      plan: { ...plan, exposures: [5_000, 7_500, 10_000], gate, stepSoakMs: 8 },
    });
    for (let round = 1; round <= 60 && rollout.status === 'running'; round++) {
      const rates = ratesIn(rollout.step);
      for (const deviceId of rollout.roster) {
        const exposed = rollout.step >= 0 && isIn(rollout, deviceId, rollout.step);
        const sequence = exposed ? challenger.sequence : champion.sequence;
        const rate = exposed ? rates.challenger : rates.champion;
        const message =
          rollout.step >= 0
            ? report(round, [releaseReport(sequence, 'served', windowsOfReport, lateOf(rate))])
            : comparison(round, windowsOfReport, {
                champion: lateOf(rates.champion),
                challenger: lateOf(rates.challenger),
              });
        rollout = heard(rollout, deviceId, message);
        const evidence = rollout.evidence[deviceId];
        if (evidence === undefined) throw new Error('it has just been heard of');
        rollout = {
          ...rollout,
          evidence: { ...rollout.evidence, [deviceId]: { ...evidence, current: sequence } },
        };
      }
      rollout = nextMove(rollout, round)?.rollout ?? rollout;
    }
    return rollout;
  };

  it('is not rolled back by chance more often than was put up with, where both are late equally often', () => {
    let aborted = 0;
    const finished = new Set<Rollout['status']>();
    for (let seed = 1; seed <= fleets; seed++) {
      const rate = [0.001, 0.01, 0.05, 0.2][seed % 4] ?? 0;
      const rollout = play(seed, () => ({ champion: rate, challenger: rate }));
      assert.ok(replayVerdicts(rollout).every(({ agrees }) => agrees));
      if (rollout.status === 'aborted') aborted++;
      else finished.add(rollout.status);
    }
    assert.ok(aborted <= alpha * fleets, `${aborted} of ${fleets} fleets`);
    assert.deepEqual([...finished], ['promoted']);
  });

  const rows = [
    ['the shadow', -1, 'share of devices where it is late'],
    ['the ramp, if only there', 0, 'rate of late answers beside that of the champion'],
  ] as const;
  for (const [where, from, guardrail] of rows) {
    it(`is rolled back in ${where}, where the challenger is late so often`, () => {
      for (let seed = 1; seed <= 10; seed++) {
        const rollout = play(seed, (step) => ({
          champion: 0.0005,
          challenger: step >= from ? 0.25 : 0.0005,
        }));
        const verdict = rollout.verdicts.at(-1);
        assert.equal(rollout.status, 'aborted', `seed ${seed}: ${verdict?.judgement.reason ?? ''}`);
        assert.deepEqual([verdict?.inputs.step, verdict?.action], [from, 'abort']);
        assert.ok(verdict?.judgement.reason.startsWith(guardrail), verdict?.judgement.reason);
      }
    });
  }
});
